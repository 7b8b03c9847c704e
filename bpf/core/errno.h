/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Error numbers of the kernel, which programs return negated. */
#ifndef IPFT_ERRNO_H
#define IPFT_ERRNO_H

#define IPFT_EEXIST 17
#define IPFT_EINVAL 22

#endif
