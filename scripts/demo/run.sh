#!/bin/sh
# run.sh [COMMAND TRAFFIC [BEFORE]]: three network namespaces, packets between them, and ipft watching.
#
#     client eth0 10.0.0.2 ---- 10.0.0.1 lan gateway wan 192.0.2.1 ---- 192.0.2.9 eth0 server
#
# What the client sends has the gateway's address behind it (SNAT). COMMAND is a command line of ipft; TRAFFIC are
# commands that run while it traces, or - where ipft runs a program itself; BEFORE such that run before, as in `client ping -c 1 192.0.2.9`.
# stdout is the command and the trace; all else goes to stderr. Run as root. NODE names the node to run ipft with.
set -u
: "${NODE:=node}"
cd "$(dirname "$0")/../.." || exit 1
# Names of namespaces are files here. A mount of our own keeps them apart from the machine's.
if [ -z "${IPFT_DEMO-}" ]; then
  mkdir -p /run/netns && IPFT_DEMO=1 exec unshare --mount sh scripts/demo/run.sh "$@"
fi
mount -t tmpfs demo /run/netns || exit 1

command=${1-ipft icmp} traffic=${2-client ping -c 1 -w 100 192.0.2.9}
work=$(mktemp -d) || exit 1
tracer=
clean() {
  [ -n "$tracer" ] && kill "$tracer" 2> /dev/null
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

client() { ip netns exec client "$@"; }
gateway() { ip netns exec gateway "$@"; }
server() { ip netns exec server "$@"; }
# For TRAFFIC: one SYN from the client, which is not repeated.
syn() { client python3 -c 'import socket, sys; s = socket.socket(); s.setblocking(0); s.connect_ex((sys.argv[1], int(sys.argv[2])))' "$@"; }

address() { ip netns exec "$1" cat "/sys/class/net/$2/address"; }
# join NAMESPACE DEVICE ADDRESS NAMESPACE DEVICE ADDRESS: brings up both ends of a link. Neighbours stay known, however
# long it takes until the trace begins: packets need not ask for them on their way.
join() {
  ip -n "$1" addr add "$3/24" dev "$2" && ip -n "$1" link set "$2" up &&
    ip -n "$4" addr add "$6/24" dev "$5" && ip -n "$4" link set "$5" up &&
    ip -n "$1" neigh replace "$6" lladdr "$(address "$4" "$5")" nud permanent dev "$2" &&
    ip -n "$4" neigh replace "$3" lladdr "$(address "$1" "$2")" nud permanent dev "$5"
}
# For BEFORE: a VLAN between client and gateway, 10.5.0.2 and 10.5.0.1, and a tunnel, 10.7.0.2 and 10.7.0.1.
vlan() {
  ip -n client link add link eth0 name eth0.5 type vlan id 5 &&
    ip -n gateway link add link lan name lan.5 type vlan id 5 &&
    join client eth0.5 10.5.0.2 gateway lan.5 10.5.0.1
}
vxlan() {
  ip -n client link add vxlan7 type vxlan id 7 dstport 4789 dev eth0 remote 10.0.0.1 &&
    ip -n gateway link add vxlan7 type vxlan id 7 dstport 4789 dev lan remote 10.0.0.2 &&
    join client vxlan7 10.7.0.2 gateway vxlan7 10.7.0.1
}

ip netns add client && ip netns add gateway && ip netns add server &&
  ip link add eth0 netns client address 02:00:00:00:00:02 type veth \
    peer name lan netns gateway address 02:00:00:00:00:01 &&
  ip link add wan netns gateway address 02:00:00:00:01:01 type veth \
    peer name eth0 netns server address 02:00:00:00:01:09 &&
  join client eth0 10.0.0.2 gateway lan 10.0.0.1 && join gateway wan 192.0.2.1 server eth0 192.0.2.9 &&
  ip -n client route add default via 10.0.0.1 &&
  gateway sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward' &&
  gateway nft 'table ip nat { chain out { type nat hook postrouting priority srcnat; oif wan masquerade; }; }' &&
  # ping has a socket for its answers alone: otherwise all ICMP is copied to it.
  client sh -c 'echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range' &&
  eval "${3-}" >&2 && client ping -q -c 1 -w 100 192.0.2.9 >&2 || exit 1

echo "# $command"
(eval "exec \"\$NODE\" bin/ipft.js --ready-file $work/ready ${command#ipft}" > "$work/trace") &
tracer=$!
until [ -e "$work/ready" ]; do
  kill -0 "$tracer" 2> /dev/null || { wait "$tracer"; exit 1; }
  sleep 0.1
done
if [ "$traffic" != - ]; then
  eval "$traffic" >&2
  kill -TERM "$tracer" 2> /dev/null
fi
wait "$tracer"
status=$?
tracer=
cat "$work/trace"
exit $status
