/**
 * The structs and enums of `bpf/abi/`: `npm run layout` writes this file. Sizes and offsets in bytes, little-endian.
 * `EVENT_SIZE` is the size of `struct ipft_event`, `EVENT_CPU` the offset of its member `cpu`; an array has its size,
 * too (`PLACE_DEVICE_SIZE`). Enumerators have the names that they have in C.
 */

/** struct ipft_event */
export const EVENT_SIZE = 24;
export const EVENT_TIMESTAMP_NS = 0;
export const EVENT_JOURNEY = 8;
export const EVENT_SEQUENCE = 12;
export const EVENT_TARGET = 16;
export const EVENT_CPU = 20;
export const EVENT_FLAGS = 22;
export const EVENT_DEPTH = 23;

/** struct ipft_return */
export const RETURN_SIZE = 32;
export const RETURN_EVENT = 0;
export const RETURN_ENTRY_NS = 24;

/** struct ipft_begin */
export const BEGIN_SIZE = 72;
export const BEGIN_EVENT = 0;
export const BEGIN_SKB = 24;
export const BEGIN_ID = 32;
export const BEGIN_PARENT = 40;
export const BEGIN_PLACE = 48;

/** struct ipft_moved */
export const MOVED_SIZE = 48;
export const MOVED_EVENT = 0;
export const MOVED_PLACE = 24;

/** struct ipft_end */
export const END_SIZE = 152;
export const END_EVENT = 0;
export const END_ID = 24;
export const END_LOCATION = 32;
export const END_REASON = 40;
export const END_IFINDEX = 44;
export const END_FAMILY = 48;
export const END_PROTOCOL = 50;
export const END_STAGE = 52;
export const END_FLAGS = 53;
export const END_RESERVED = 54;
export const END_DEVICE = 56;
export const END_DEVICE_SIZE = 16;
export const END_SYMBOL = 72;
export const END_SYMBOL_SIZE = 80;

/** struct ipft_snapshot */
export const SNAPSHOT_SIZE = 20;
export const SNAPSHOT_LENGTH = 0;
export const SNAPSHOT_CAPTURED = 4;
export const SNAPSHOT_PROTOCOL = 6;
export const SNAPSHOT_VLAN_PROTOCOL = 8;
export const SNAPSHOT_VLAN_VALUE = 10;
export const SNAPSHOT_GSO_SIZE = 12;
export const SNAPSHOT_GSO_SEGMENTS = 14;
export const SNAPSHOT_HAS_ETHERNET = 16;

/** struct ipft_place */
export const PLACE_SIZE = 24;
export const PLACE_NETNS = 0;
export const PLACE_IFINDEX = 4;
export const PLACE_DEVICE = 8;
export const PLACE_DEVICE_SIZE = 16;

/** struct ipft_journey */
export const JOURNEY_SIZE = 120;
export const JOURNEY_OWNER = 0;
export const JOURNEY_ID = 8;
export const JOURNEY_PARENT = 16;
export const JOURNEY_WHERE = 24;
export const JOURNEY_FREEING_NS = 32;
export const JOURNEY_LOCATION = 40;
export const JOURNEY_CALLER = 48;
export const JOURNEY_SOCK = 56;
export const JOURNEY_HEADERS = 64;
export const JOURNEY_LOOKED = 72;
export const JOURNEY_REASON = 80;
export const JOURNEY_EVENTS = 84;
export const JOURNEY_IFINDEX = 88;
export const JOURNEY_FAMILY = 92;
export const JOURNEY_PROTOCOL = 94;
export const JOURNEY_STAGE = 96;
export const JOURNEY_FLAGS = 97;
export const JOURNEY_CPU = 98;
export const JOURNEY_TAIL = 100;
export const JOURNEY_SOCK_STATE = 101;
export const JOURNEY_LEFT_OUT = 102;
export const JOURNEY_IS_IPV6 = 103;
export const JOURNEY_DEVICE = 104;
export const JOURNEY_DEVICE_SIZE = 16;

/** struct ipft_part */
export const PART_SIZE = 8;
export const PART_AT = 0;
export const PART_BYTES = 4;

/** struct ipft_wanted_device */
export const WANTED_DEVICE_SIZE = 40;
export const WANTED_DEVICE_NAME = 0;
export const WANTED_DEVICE_NAME_SIZE = 16;
export const WANTED_DEVICE_MASK = 16;
export const WANTED_DEVICE_MASK_SIZE = 16;
export const WANTED_DEVICE_NETNS = 32;
export const WANTED_DEVICE_RESERVED = 36;

/** struct ipft_wanted_places */
export const WANTED_PLACES_SIZE = 712;
export const WANTED_PLACES_NETNS_COUNT = 0;
export const WANTED_PLACES_DEVICE_COUNT = 4;
export const WANTED_PLACES_NETNS = 8;
export const WANTED_PLACES_NETNS_SIZE = 64;
export const WANTED_PLACES_DEVICES = 72;
export const WANTED_PLACES_DEVICES_SIZE = 640;

/** struct ipft_config */
export const CONFIG_SIZE = 832;
export const CONFIG_DATA_SIZE = 0;
export const CONFIG_MODULE = 4;
export const CONFIG_FIELDS = 12;
export const CONFIG_SCRIPT = 20;
export const CONFIG_SHOW = 28;
export const CONFIG_SAMPLE_PERIOD = 36;
export const CONFIG_DIRECT_READS = 40;
export const CONFIG_FOLLOW = 44;
export const CONFIG_DROP_HAS_REASON = 48;
export const CONFIG_CONSUME_HAS_LOCATION = 52;
export const CONFIG_FILTERS = 56;
export const CONFIG_WANTS = 60;
export const CONFIG_WHERE = 64;
export const CONFIG_SNAPLEN = 68;
export const CONFIG_SYMBOL_FORMAT = 72;
export const CONFIG_SYMBOL_FORMAT_SIZE = 4;
export const CONFIG_CONNECTIONS = 76;
export const CONFIG_MARK = 80;
export const CONFIG_MASK = 84;
export const CONFIG_PROCESSES = 88;
export const CONFIG_WHO = 92;
export const CONFIG_COUNTS = 96;
export const CONFIG_PRESENCES = 100;
export const CONFIG_HISTOGRAM = 104;
export const CONFIG_NUMBER_AT = 108;
export const CONFIG_NEIGHBOURS = 112;
export const CONFIG_PLACES = 120;

/** struct ipft_cpu */
export const CPU_SIZE = 96;
export const CPU_LOST = 0;
export const CPU_LOST_FIRST_NS = 8;
export const CPU_LOST_LAST_NS = 16;
export const CPU_MATCHED = 24;
export const CPU_CALLS = 32;
export const CPU_UNFOLLOWED = 40;
export const CPU_ENDS_LOST = 48;
export const CPU_UNSEEN = 56;
export const CPU_CONNECTIONS = 64;
export const CPU_UNRUN = 72;
export const CPU_UNCOUNTED = 80;
export const CPU_VALUELESS = 88;

/** struct ipft_following */
export const FOLLOWING_SIZE = 32;
export const FOLLOWING_AWAITED = 0;
export const FOLLOWING_LIVING = 4;
export const FOLLOWING_OF_COMMAND = 8;
export const FOLLOWING_UNUSED = 12;
export const FOLLOWING_UNFOLLOWED = 16;
export const FOLLOWING_HAS_CGROUPS = 24;

/** struct ipft_holder */
export const HOLDER_SIZE = 32;
export const HOLDER_CGROUP = 0;
export const HOLDER_TGID = 8;
export const HOLDER_PID = 12;
export const HOLDER_NAME = 16;
export const HOLDER_NAME_SIZE = 16;

/** struct ipft_whose */
export const WHOSE_SIZE = 64;
export const WHOSE_EVENT = 0;
export const WHOSE_PROCESS = 24;
export const WHOSE_PARTY = 56;
export const WHOSE_RESERVED = 60;

/** enum ipft_sequence */
export const IPFT_SEQUENCE_UNKNOWN = 0xffffffff;

/** enum ipft_event_flag */
export const IPFT_EVENT_RETURN = 1;
export const IPFT_EVENT_NO_FIELDS = 2;
export const IPFT_EVENT_FREED = 4;
export const IPFT_EVENT_ENTRY_LOST = 8;
export const IPFT_EVENT_NOTICE = 128;

/** enum ipft_notice */
export const IPFT_NOTICE_BEGIN = 1;
export const IPFT_NOTICE_PLACE = 2;
export const IPFT_NOTICE_END = 3;
export const IPFT_NOTICE_SNAPSHOT = 4;
export const IPFT_NOTICE_PROCESS = 5;

/** enum ipft_stage */
export const IPFT_STAGE_NONE = 0;
export const IPFT_STAGE_SENT = 1;
export const IPFT_STAGE_QUEUED = 2;
export const IPFT_STAGE_PROCESSED = 3;
export const IPFT_STAGE_UNREAD = 4;

/** enum ipft_journey_flag */
export const IPFT_JOURNEY_ANNOUNCED = 1;
export const IPFT_JOURNEY_FOLLOWED = 2;
export const IPFT_JOURNEY_RECEIVED = 4;
export const IPFT_JOURNEY_DROPPED = 8;
export const IPFT_JOURNEY_CONSUMED = 16;
export const IPFT_JOURNEY_ENDED = 32;
export const IPFT_JOURNEY_END_SENT = 64;
export const IPFT_JOURNEY_COUNTED = 128;

/** enum ipft_journeys_size */
export const IPFT_JOURNEY_BITS = 17;
export const IPFT_MAX_JOURNEYS = 0x20000;

/** enum ipft_owner */
export const IPFT_OWNER_ENDED = 1;
export const IPFT_OWNER_BUSY = 2;

/** enum ipft_target */
export const IPFT_TARGET_INDEX = 65535;
export const IPFT_TARGET_ARGUMENTS = 16;
export const IPFT_TARGET_DEFERS = 0x80000;
export const IPFT_TARGET_REPORTS = 0x100000;
export const IPFT_TARGET_POSITION = 21;
export const IPFT_TARGET_FINAL = 0x2000000;
export const IPFT_TARGET_HEAD = 0x4000000;
export const IPFT_TARGET_RELEASES = 0x8000000;
export const IPFT_TARGET_TAIL = 0x10000000;
export const IPFT_TARGET_QUEUES = 0x20000000;
export const IPFT_TARGET_FREES = 0x40000000;
export const IPFT_TARGET_HIDDEN = 0x80000000;

/** enum ipft_target_limit */
export const IPFT_MAX_POSITION = 15;
export const IPFT_MAX_ARGUMENTS = 6;

/** enum ipft_copy */
export const IPFT_COPY = 0;
export const IPFT_SEGMENTS = 1;
export const IPFT_FRAGMENTS = 2;
export const IPFT_FRAGMENTS6 = 3;
export const IPFT_MORPH = 4;

/** enum ipft_cookies_size */
export const IPFT_COOKIE_BITS = 14;

/** enum ipft_function_constant */
export const IPFT_COOKIE_PLACEHOLDER = 0x69c00c1e;
export const IPFT_ADDRESS_PLACEHOLDER = 0x69add7e5;

/** enum ipft_filters */
export const IPFT_FILTERS_NOTHING = 0;
export const IPFT_FILTERS_BY_PROGRAM = 1;
export const IPFT_FILTERS_BY_MORE = 2;

/** enum ipft_data_size */
export const IPFT_DATA_SIZE = 64;
export const IPFT_MAX_DATA_SIZE = 1024;
export const IPFT_MAX_SNAPLEN = 1024;
export const IPFT_MAX_COUNTED_SIZE = 128;

/** enum ipft_counts */
export const IPFT_COUNTS_NOTHING = 0;
export const IPFT_COUNTS_PACKETS = 1;
export const IPFT_COUNTS_CALLS = 2;

/** enum ipft_histogram */
export const IPFT_HISTOGRAM_NONE = 0;
export const IPFT_HISTOGRAM_UNSIGNED = 1;
export const IPFT_HISTOGRAM_SIGNED = 2;

/** enum ipft_step */
export const IPFT_STEP_ZERO = 64;

/** enum ipft_counted_size */
export const IPFT_MAX_COUNTED = 16384;

/** enum ipft_mark_constant */
export const IPFT_MASK_PLACEHOLDER = 0x36c1b5e7;
export const IPFT_MARK_PLACEHOLDER = 0x52e9a37d;
export const IPFT_MARK_QUESTION_PLACEHOLDER = 0x47a3d1c9;

/** enum ipft_mark_question */
export const IPFT_ASKS_FOR_MARK = 0;
export const IPFT_ASKS_NO_MARK = 1;
export const IPFT_ASKS_FOR_PROCESS = 2;

/** enum ipft_switch_constant */
export const IPFT_SNAPSHOTS_PLACEHOLDER = 0x4b1d93c5;
export const IPFT_WHO_PLACEHOLDER = 0x3e5a7c91;

/** enum ipft_wanted_places_limit */
export const IPFT_MAX_WANTED_PLACES = 16;

/** enum ipft_connections_size */
export const IPFT_MAX_CONNECTIONS = 0x10000;

/** enum ipft_process */
export const IPFT_PROCESS_BY_NAME = 1;
export const IPFT_PROCESS_BY_ID = 2;
export const IPFT_PROCESS_WITH_CHILDREN = 4;
export const IPFT_PROCESS_BY_CGROUP = 8;
export const IPFT_PROCESS_OF_COMMAND = 16;

/** enum ipft_processes_size */
export const IPFT_MAX_PROCESSES = 0x10000;
export const IPFT_MAX_WANTED_IDS = 4096;
export const IPFT_MAX_WANTED_NAMES = 64;
export const IPFT_PROCESS_NAME = 16;
export const IPFT_MAX_WANTED_CGROUPS = 64;
export const IPFT_CGROUP_PATH = 256;
export const IPFT_MAX_SOCKETS = 0x10000;
export const IPFT_MAX_ENDPOINTS = 16384;
export const IPFT_MAX_HOLDERS = 0x10000;
export const IPFT_MAX_NEIGHBOURS = 4096;

/** enum ipft_party */
export const IPFT_PARTY_SENDER = 1;
export const IPFT_PARTY_RECEIVER = 2;
