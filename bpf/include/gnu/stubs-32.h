/*
 * <stdint.h> and its likes ask for this where the compiler's target is none that they know, and Debian has it only with
 * its 32-bit library. There is nothing to say: an extension calls no function of the C library.
 */
