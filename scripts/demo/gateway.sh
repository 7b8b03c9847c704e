#!/bin/sh
# gateway.sh DIRECTORY: makes DIRECTORY/gateway.ipft as examples/recordings has it, in a guest:
#     scripts/vm --out DIRECTORY 6.12 -- sh scripts/demo/gateway.sh DIRECTORY
# A client pings a server, asks for a port that a firewall closes and one where nobody listens, and gets a page; the gateway
# between them translates addresses, and sends packets 3 ms late.
set -eu
cd "$(dirname "$0")/../.."
modprobe sch_netem
functions='ip_output|ip_finish_output2|__dev_queue_xmit|dev_hard_start_xmit|veth_xmit|__netif_receive_skb_core|ip_rcv|ip_route_input_slow'
functions="$functions|ip_forward|nf_hook_slow|nf_conntrack_in|nft_do_chain|nf_nat_manip_pkt|ip_local_deliver|tcp_v4_rcv|tcp_v4_do_rcv"
functions="$functions|tcp_rcv_established|tcp_rcv_state_process|tcp_data_queue|udp_rcv|__udp4_lib_rcv|icmp_rcv|icmp_echo|ping_rcv"
functions="$functions|netem_enqueue|netem_dequeue|kfree_skb_reason|__kfree_skb|skb_copy_datagram_iter"
# shellcheck disable=SC2016
traffic='client ping -c 2 -i 0.2 -w 20 192.0.2.9
  syn 192.0.2.9 23
  client bash -c "echo hello > /dev/udp/192.0.2.9/53"
  client python3 -c "import urllib.request; urllib.request.urlopen(\"http://192.0.2.9:8080/\").read()"
  sleep 1'
before='gateway nft "table ip firewall { chain forward { type filter hook forward priority 0; tcp dport 23 drop; }; }"
  gateway tc qdisc add dev wan root netem delay 3ms
  (server python3 -m http.server 8080 --directory /usr/share/common-licenses > /dev/null 2>&1 &)
  sleep 5'
options="--connection --snaplen 96 -t function_graph --fields ip,skb --compress"
exec sh scripts/demo/run.sh "ipft record $1/gateway.ipft ip $options -r '^($functions)\$'" "$traffic" "$before"
