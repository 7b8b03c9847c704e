#!/bin/sh
# Two network namespaces joined by a veth pair, marked pings from one to the other, and ipft watching.
# stdout is the trace; all else goes to stderr. Run as root. NODE names the node to run ipft with.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=ipft-demo-$$ there=ipft-demo-$$-peer mark=0xdeadbeef
work=$(mktemp -d) || exit 1
tracer=
clean() {
  [ -n "$tracer" ] && kill "$tracer" 2> /dev/null
  ip netns del "$here" 2> /dev/null
  ip netns del "$there" 2> /dev/null
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

ip netns add "$here" && ip netns add "$there" &&
  ip link add veth-a netns "$here" type veth peer name veth-b netns "$there" &&
  ip -n "$here" addr add 10.11.0.1/24 dev veth-a && ip -n "$there" addr add 10.11.0.2/24 dev veth-b &&
  ip -n "$here" link set veth-a up && ip -n "$there" link set veth-b up || exit 1
# Neighbours stay known, however long it takes until the trace begins: packets need not ask for them on their way.
address() { ip netns exec "$1" cat "/sys/class/net/$2/address"; }
ip -n "$here" neigh replace 10.11.0.2 lladdr "$(address "$there" veth-b)" nud permanent dev veth-a &&
  ip -n "$there" neigh replace 10.11.0.1 lladdr "$(address "$here" veth-a)" nud permanent dev veth-b &&
  ip netns exec "$here" ping -q -c 1 -w 100 10.11.0.2 >&2 || exit 1

echo "demo: ipft -m $mark -e examples/extensions/skb-len.bpf.c" >&2
"$NODE" bin/ipft.js -m "$mark" -e examples/extensions/skb-len.bpf.c --ready-file "$work/ready" > "$work/trace" &
tracer=$!
until [ -e "$work/ready" ]; do
  kill -0 "$tracer" 2> /dev/null || { wait "$tracer"; exit 1; }
  sleep 0.1
done
ip netns exec "$here" ping -q -c 3 -i 0.2 -w 100 -m $((mark)) 10.11.0.2 >&2
kill -INT "$tracer"
wait "$tracer"
status=$?
tracer=
cat "$work/trace"
exit $status
