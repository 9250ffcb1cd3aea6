/* sandbox_filter.c - a list of refusals on top of the namespaces: what is not on it is allowed, because the namespaces
 * already hide the machine; what is on it either reaches kernel code that has often been broken from inside a
 * namespace, or escapes the limits. A refused call returns an error, so that a program can go on or explain itself.
 *
 * Processes: RLIMIT_NPROC does not count for root and counts a user's other processes otherwise, so forking is refused
 * here instead and the limits of one process are the limits of all. Threads share those limits and stay allowed. */
#include "eval/sandbox_filter.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined __x86_64__
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__ && defined __AARCH64EL__
#define THIS_ARCH AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define THIS_ARCH AUDIT_ARCH_RISCV64
#endif

#ifdef THIS_ARCH
/* Not every architecture has every call: the old ones are missing on the newer machines. */
static const int refused[] = {
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_pidfd_getfd,
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsconfig,
        SYS_fsmount,
    SYS_fspick, SYS_mount_setattr, SYS_unshare, SYS_setns,
    SYS_memfd_create, SYS_shmget, SYS_msgget,          /* memory that RLIMIT_AS does not count */
    SYS_keyctl, SYS_add_key, SYS_request_key,
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_swapon, SYS_swapoff,
    SYS_syslog, SYS_acct, SYS_quotactl, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_personality, SYS_vhangup,
    SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
};

struct writer { struct sock_filter *at; };

static void put(struct writer *w, uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false)
{
    *w->at++ = (struct sock_filter){ code, if_true, if_false, k };
}

static void load(struct writer *w, size_t offset)
{
    put(w, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The rest only where the loaded word is `value`; else `skip` instructions further. */
static void only_if(struct writer *w, uint32_t value, uint8_t skip)
{
    put(w, BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

static void refuse(struct writer *w, int errno_value)
{
    put(w, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)errno_value, 0, 0);
}

static void allow(struct writer *w)
{
    put(w, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* Low half of argument i; both machines' low half comes first in memory. */
static size_t argument(unsigned i)
{
    return offsetof(struct seccomp_data, args) + i * sizeof(uint64_t);
}

size_t zoo_sandbox_filter(struct sock_filter program[ZOO_SANDBOX_FILTER_MAX])
{
    struct writer w = { program };

    load(&w, offsetof(struct seccomp_data, arch));
    put(&w, BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0);
    put(&w, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);          /* 32-bit calls have other numbers */
    load(&w, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    put(&w, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);              /* so have those of x32 */
    refuse(&w, ENOSYS);
#endif
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        only_if(&w, (uint32_t)refused[i], 1);
        refuse(&w, EPERM);
    }
    only_if(&w, SYS_clone3, 1);          /* its flags are behind a pointer; libc falls back on clone */
    refuse(&w, ENOSYS);
    only_if(&w, SYS_clone, 4);
    load(&w, argument(0));
    put(&w, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
    refuse(&w, EPERM);
    allow(&w);
    only_if(&w, SYS_socket, 4);
    load(&w, argument(0));
    put(&w, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0);
    refuse(&w, EACCES);
    allow(&w);
    only_if(&w, SYS_ioctl, 4);
    load(&w, argument(1));
    put(&w, BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 0, 1);                 /* types into a terminal */
    refuse(&w, EPERM);
    allow(&w);
    allow(&w);
    return (size_t)(w.at - program);
}
#else
size_t zoo_sandbox_filter(struct sock_filter program[ZOO_SANDBOX_FILTER_MAX])
{
    (void)program;
    return 0;
}
#endif
