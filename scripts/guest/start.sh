# Second stage, on the host's root: mounts what tracing needs, runs the command, hands back its output and status.
# busybox does all that is ours, so that nothing depends on what the host has installed.
run=/run/ipft-vm b=/run/ipft-vm/busybox
. $run/settings.sh   # modules, out, terminal, path
port() {  # NAME: the device of the virtio port of that name
  for dir in /sys/class/virtio-ports/*; do
    [ "$($b cat "$dir/name")" = "$1" ] && echo "/dev/${dir##*/}"
  done
}
finish() {  # STATUS BYTES-OF-STDOUT BYTES-OF-STDERR: the host ends the guest when it has them all
  $b sync
  echo "$*" > "$(port status)"
  while :; do $b sleep 1000; done
}
$b mount -t tracefs tracefs /sys/kernel/tracing
$b mount -t debugfs debugfs /sys/kernel/debug
$b mount -t securityfs securityfs /sys/kernel/security
$b mount -t bpf bpf /sys/fs/bpf
$b mount -t cgroup2 cgroup2 /sys/fs/cgroup
$b mkdir -p /dev/pts /dev/shm /run/netns
$b mount -t devpts devpts /dev/pts
$b mount -t tmpfs shm /dev/shm
$b mount -t tmpfs netns /run/netns   # the host's namespaces are not the guest's
$b ln -sfn /proc/self/fd /dev/fd
for n in 0:stdin 1:stdout 2:stderr; do $b ln -sfn /proc/self/fd/${n%%:*} /dev/${n#*:}; done
$b mkdir -p /lib/modules
$b mount -o bind "$modules" /lib/modules
$b ip link set lo up
if [ -n "$path" ]; then
  # A login shell takes PATH from its profile.
  $b mkdir -p /etc/profile.d
  echo "export PATH=$path" > /etc/profile.d/zz-ipft-vm.sh
fi
if [ -n "$out" ]; then
  $b mkdir -p "$out"
  $b mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=none out "$out" || finish 125 0 0
fi
echo began > "$(port status)"   # from here on, what happens is the command's own doing
# A virtio port can be opened only once: pipes let the command open /dev/stdout and /dev/stderr again.
$b mkfifo $run/stdout $run/stderr
$b tee "$(port stdout)" < $run/stdout | $b wc -c > $run/stdout-bytes & stdout=$!
$b tee "$(port stderr)" < $run/stderr | $b wc -c > $run/stderr-bytes & stderr=$!
if [ -n "$terminal" ]; then
  # The terminal's keys come through a port; script makes a terminal of it again. Through another one comes its size,
  # whenever that changes.
  ( until [ -s $run/tty ]; do $b sleep 0.1; done
    while read -r rows columns; do
      $b stty -F "$($b cat $run/tty)" rows "$rows" cols "$columns"
    done < "$(port size)" ) &
  script -qefc "stty $terminal; $b tty > $run/tty; $b sh $run/command.sh" /dev/null < "$(port stdin)" > $run/stdout 2> $run/stderr
else
  $b sh $run/command.sh < /dev/null > $run/stdout 2> $run/stderr
fi
status=$?
# What the command left running may hold the pipes open: it gets three seconds. The pipes are emptied in any case, as
# fast as the host reads.
( $b sleep 3
  for dir in /proc/[0-9]*; do
    [ "$($b readlink $dir/exe)" = $b ] || $b kill -9 ${dir#/proc/}
  done ) 2> /dev/null &
wait $stdout $stderr
finish $status $($b cat $run/stdout-bytes) $($b cat $run/stderr-bytes)
