#!/bin/busybox sh
# First process of the guest: puts a throw-away overlay on the host's root and goes on in it.
b=/bin/busybox
die() { echo "vm: $*"; $b poweroff -f; }
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
for module in /modules/*; do $b insmod "$module" || echo "vm: insmod $module failed"; done
$b mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=524288,cache=loose host /host || die 'no root from the host'
$b mount -t tmpfs -o size=75% tmp /overlay
$b mkdir /overlay/upper /overlay/work /overlay/root
$b mount -t overlay -o lowerdir=/host,upperdir=/overlay/upper,workdir=/overlay/work root /overlay/root || die 'no overlay'
run=/overlay/root/run/ipft-vm
$b mkdir -p "$run"
$b cp /bin/busybox /start.sh /settings.sh /command.sh "$run"
for dir in proc sys dev; do $b mkdir -p /overlay/root/$dir; $b mount --move /$dir /overlay/root/$dir; done
exec $b switch_root /overlay/root /run/ipft-vm/busybox sh /run/ipft-vm/start.sh
