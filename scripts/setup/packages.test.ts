import { describe, expect, test } from 'vitest';
import { parseOsRelease } from './distribution.js';
import {
  BENCH_PACKAGES,
  BUILD_PACKAGES,
  describeMissing,
  describeUnknown,
  GUEST_PACKAGES,
  TEST_PACKAGES,
  TRAFFIC_PACKAGES,
} from './packages.js';

const DEBIAN = `PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
NAME="Debian GNU/Linux"
VERSION_ID="13"
ID=debian
`;
const UBUNTU = `PRETTY_NAME="Ubuntu 24.04.2 LTS"
NAME="Ubuntu"
ID=ubuntu
ID_LIKE=debian
`;
const FEDORA = `NAME="Fedora Linux"
ID=fedora
PRETTY_NAME="Fedora Linux 42 (Workstation Edition)"
`;
const ROCKY = `NAME="Rocky Linux"
ID="rocky"
ID_LIKE="rhel centos fedora"
PRETTY_NAME="Rocky Linux 9.5 (Blue Onyx)"
`;
const ARCH = `NAME="Arch Linux"
PRETTY_NAME="Arch Linux"
ID=arch
`;
const MANJARO = `NAME='Manjaro Linux'
# a comment
PRETTY_NAME='Manjaro Linux'
ID=manjaro
ID_LIKE=arch
`;
const ALPINE = `NAME="Alpine Linux"
ID=alpine
VERSION_ID=3.21.0
`;

describe('parseOsRelease', () => {
  test.each([
    [DEBIAN, 'debian', 'Debian GNU/Linux 13 (trixie)'],
    [UBUNTU, 'debian', 'Ubuntu 24.04.2 LTS'],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"\nPRETTY_NAME="Linux Mint 22"', 'debian', 'Linux Mint 22'],
    [FEDORA, 'fedora', 'Fedora Linux 42 (Workstation Edition)'],
    [ROCKY, 'fedora', 'Rocky Linux 9.5 (Blue Onyx)'],
    [ARCH, 'arch', 'Arch Linux'],
    [MANJARO, 'arch', 'Manjaro Linux'],
    [ALPINE, 'other', 'Alpine Linux 3.21.0'],
    ['', 'other', 'linux'],
    ['ID=constructor\n', 'other', 'constructor'],
  ])('%j', (text, family, name) => {
    expect(parseOsRelease(text)).toEqual({ family, name });
  });
});

describe('describeMissing', () => {
  const all = [BUILD_PACKAGES, TRAFFIC_PACKAGES, GUEST_PACKAGES, TEST_PACKAGES, BENCH_PACKAGES].flat();

  test('names the packages as each distribution does, and the command that installs them', () => {
    const names = ['clang', 'libbpf-dev', 'libbpf1', 'iproute2', 'qemu-system-x86'];
    expect(describeMissing(parseOsRelease(FEDORA), names, true)).toBe(
      'this is Fedora Linux 42 (Workstation Edition), and only on Debian and Ubuntu are missing packages installed by ' +
        'themselves. As root, run:\n  dnf install clang libbpf-devel libbpf iproute iproute-tc qemu-system-x86-core apt dpkg',
    );
    expect(describeMissing(parseOsRelease(MANJARO), names, false)).toMatch(
      /^this is Manjaro Linux, .*As root, run:\n {2}pacman -S --needed clang libbpf iproute2 qemu-system-x86$/,
    );
  });

  test('names programs and files where nobody knows what packages are called', () => {
    expect(describeMissing(parseOsRelease(ALPINE), ['libbpf-dev', 'xz-utils'], true)).toMatch(
      /^this is Alpine Linux 3\.21\.0, .*Install what has:\n {2}\/usr\/include\/bpf\/bpf_helpers\.h, which Debian has in libbpf-dev\n {2}xz, .*xz-utils\n {2}apt-get and dpkg-deb, /,
    );
  });

  test('knows every package that the scripts need', () => {
    for (const name of all) {
      // What has no counterpart would be shown as it is.
      expect(describeMissing({ name: 'x', family: 'other' }, [name], false)).toMatch(
        /\n {2}\S+, which Debian has in \S+$/,
      );
      expect(describeMissing({ name: 'x', family: 'arch' }, [name], false)).not.toMatch(/-dev$|-utils$|-static$/);
    }
  });
});

test('describeUnknown: says why apt does not know a package', () => {
  expect(describeUnknown('Ubuntu 24.04.2 LTS', ['bpftool'])).toMatch(
    /: Ubuntu 24\.04\.2 LTS has no bpftool \(Ubuntu has bpftool in linux-tools-common linux-tools-generic\)$/,
  );
  expect(describeUnknown('Debian GNU/Linux 11 (bullseye)', ['libbpf1'])).toMatch(
    /has no libbpf1 \(Debian 12 or Ubuntu 24\.04 or later is needed\)$/,
  );
  expect(describeUnknown('x', [])).toMatch(/what apt-get said is above$/);
});
