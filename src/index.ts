/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Traces what packets with a mark do inside the Linux kernel, from a program or a test. Nothing here writes to stdout
 * or stderr. docs/library.md tells how to use it.
 *
 * @packageDocumentation
 */

export type { BuiltinName } from './base/builtin-field.js';
export type { ErrorCode } from './base/error-codes.js';
export {
  CommandError,
  EnvironmentError,
  ExtensionError,
  IpftError,
  ParseError,
  SystemCallError,
  UnsupportedFeatureError,
  UsageError,
  VerifierError,
} from './base/errors.js';
export type { FieldType, FieldValue } from './base/field.js';
export { OUTCOMES, type Outcome } from './base/journey.js';
export type { BackendName, TracerName } from './base/method.js';
export type {
  Arp,
  Endpoint,
  Esp,
  Ethernet,
  Fragment,
  Gso,
  HeaderProblem,
  Icmp,
  Ipv4,
  Ipv6,
  JourneyPacket,
  Network,
  OtherNetwork,
  OtherTransport,
  Packet,
  PacketChange,
  Sctp,
  Tcp,
  TcpFlag,
  TcpOption,
  Transport,
  Tunnel,
  TunnelKind,
  Udp,
  Vlan,
} from './base/packet.js';
export type { JourneyContainer, JourneyProcess } from './base/process.js';
export type {
  CommandOptions,
  CommandResult,
  CommandSession,
  CountLosses,
  CountOptions,
  CountResult,
  CountRow,
  CountSession,
  CountStep,
  Coverage,
  EntryEvent,
  EventBase,
  EventOf,
  FieldDescription,
  FieldSchema,
  FieldsOf,
  Forgotten,
  FunctionProblem,
  Journey,
  Losses,
  ModuleProblem,
  RecordedSession,
  RecordingFacts,
  RecordingOptions,
  RecordOptions,
  ReturnEvent,
  RingLoss,
  Socket,
  Statistics,
  Trace,
  TraceOptions,
  TraceSession,
  ValueOf,
} from './library/api.js';
export { count } from './library/count.js';
export { openRecording } from './library/open-recording.js';
export { trace } from './library/trace.js';
