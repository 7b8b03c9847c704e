/* On Debian, whose own takes what is not x86-64 for 32-bit: uintptr_t and its likes have 64 bits in BPF. */
#define __WORDSIZE 64
#define __WORDSIZE_TIME64_COMPAT32 0
#define __SYSCALL_WORDSIZE 64
