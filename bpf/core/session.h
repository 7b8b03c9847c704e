/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Kprobe sessions: a program runs at the entry and at the return of a call, and has 8 bytes of its own for each call.
 * The kfuncs that tell which of the two it is, and where those bytes are, got an argument after Linux 6.12. libbpf
 * refuses a wrong signature, so both ways are built: IPFT_SESSION_TAKES_CTX.
 */
#ifndef IPFT_SESSION_H
#define IPFT_SESSION_H

#ifdef IPFT_SESSION_TAKES_CTX
extern bool bpf_session_is_return(void *ctx) __ksym __weak;
extern __u64 *bpf_session_cookie(void *ctx) __ksym __weak;
#define ipft_session_is_return(ctx) bpf_session_is_return(ctx)
#define ipft_session_cookie(ctx) bpf_session_cookie(ctx)
#else
extern bool bpf_session_is_return(void) __ksym __weak;
extern __u64 *bpf_session_cookie(void) __ksym __weak;
#define ipft_session_is_return(ctx) bpf_session_is_return()
#define ipft_session_cookie(ctx) bpf_session_cookie()
#endif

/* The program's return value at an entry. */
#define IPFT_WITH_RETURN 0
#define IPFT_WITHOUT_RETURN 1

#endif
