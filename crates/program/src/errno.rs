//! The words for an errno. Scripts look for them, so they are those of daemontools 0.76, not the C library's.

use nix::errno::Errno;

/// Why a system call failed, in lower case.
pub fn reason(errno: Errno) -> &'static str {
    known(errno).unwrap_or("unknown error")
}

/// 0.76's table, then words of our own for what 0.76 does not tell apart.
fn known(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::ENOENT => "file does not exist",
        Errno::EACCES => "access denied",
        Errno::EPERM => "permission denied",
        Errno::ENXIO => "device not configured",
        Errno::EINTR => "interrupted system call",
        Errno::ENOMEM => "out of memory",
        Errno::ETXTBSY => "text busy",
        Errno::EIO => "input/output error",
        Errno::EEXIST => "file already exists",
        Errno::ETIMEDOUT => "timed out",
        Errno::EINPROGRESS => "operation in progress",
        Errno::EAGAIN => "temporary failure",
        Errno::EPIPE => "broken pipe",
        Errno::EPROTO => "protocol error",
        Errno::EISDIR => "is a directory",
        Errno::ECONNREFUSED => "connection refused",
        Errno::ENOTDIR => "not a directory",
        Errno::ESRCH => "no such process",
        Errno::E2BIG => "argument list too long",
        Errno::ENOEXEC => "exec format error",
        Errno::EBADF => "file descriptor not open",
        Errno::ECHILD => "no child processes",
        Errno::EDEADLK => "operation would cause deadlock",
        Errno::EFAULT => "bad address",
        Errno::ENOTBLK => "not a block device",
        Errno::EBUSY => "device busy",
        Errno::EXDEV => "cross-device link",
        Errno::ENODEV => "device does not support operation",
        Errno::EINVAL => "invalid argument",
        Errno::ENFILE => "system cannot open more files",
        Errno::EMFILE => "process cannot open more files",
        Errno::ENOTTY => "not a tty",
        Errno::EFBIG => "file too big",
        Errno::ENOSPC => "out of disk space",
        Errno::ESPIPE => "unseekable descriptor",
        Errno::EROFS => "read-only file system",
        Errno::EMLINK => "too many links",
        Errno::EDOM => "input out of range",
        Errno::ERANGE => "output out of range",
        Errno::EALREADY => "operation already in progress",
        Errno::ENOTSOCK => "not a socket",
        Errno::EDESTADDRREQ => "destination address required",
        Errno::EMSGSIZE => "message too long",
        Errno::EPROTOTYPE => "incorrect protocol type",
        Errno::ENOPROTOOPT => "protocol not available",
        Errno::EPROTONOSUPPORT => "protocol not supported",
        Errno::ESOCKTNOSUPPORT => "socket type not supported",
        Errno::EOPNOTSUPP => "operation not supported",
        Errno::EPFNOSUPPORT => "protocol family not supported",
        Errno::EAFNOSUPPORT => "address family not supported",
        Errno::EADDRINUSE => "address already used",
        Errno::EADDRNOTAVAIL => "address not available",
        Errno::ENETDOWN => "network down",
        Errno::ENETUNREACH => "network unreachable",
        Errno::ENETRESET => "network reset",
        Errno::ECONNABORTED => "connection aborted",
        Errno::ECONNRESET => "connection reset",
        Errno::ENOBUFS => "out of buffer space",
        Errno::EISCONN => "already connected",
        Errno::ENOTCONN => "not connected",
        Errno::ESHUTDOWN => "socket shut down",
        Errno::ETOOMANYREFS => "too many references",
        Errno::ELOOP => "symbolic link loop",
        Errno::ENAMETOOLONG => "file name too long",
        Errno::EHOSTDOWN => "host down",
        Errno::EHOSTUNREACH => "host unreachable",
        Errno::ENOTEMPTY => "directory not empty",
        Errno::EUSERS => "too many users",
        Errno::EDQUOT => "disk quota exceeded",
        Errno::ESTALE => "stale NFS file handle",
        Errno::EREMOTE => "too many levels of remote in path",
        Errno::ENOLCK => "no locks available",
        Errno::ENOSYS => "system call not available",
        Errno::EOVERFLOW => "value too large",
        Errno::EILSEQ => "invalid byte sequence",
        Errno::ENOLINK => "link severed",
        Errno::EMULTIHOP => "multihop attempted",
        Errno::ENOMEDIUM => "no medium found",
        Errno::EMEDIUMTYPE => "wrong medium type",
        Errno::ECANCELED => "operation cancelled",
        Errno::ENOSTR => "not a stream device",
        Errno::ENOSR => "out of stream resources",
        Errno::ENONET => "machine not on network",
        Errno::EADV => "advertise error",
        Errno::ESRMNT => "srmount error",
        Errno::ECOMM => "communication error",
        Errno::EREMCHG => "remote address changed",
        Errno::ENODATA => "no data available",
        Errno::ETIME => "timer expired",
        Errno::EBADMSG => "bad message type",
        Errno::EIDRM => "identifier removed",
        Errno::ENOMSG => "no message of desired type",
        Errno::ELIBBAD => "corrupted shared library",
        Errno::ELIBACC => "shared library not accessible",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_that_scripts_look_for() {
        assert_eq!(reason(Errno::ENOENT), "file does not exist");
        assert_eq!(reason(Errno::EAGAIN), "temporary failure");
        assert_eq!(reason(Errno::ENXIO), "device not configured");
    }

    #[test]
    fn an_errno_without_words_is_still_a_sentence() {
        assert_eq!(reason(Errno::EL2HLT), "unknown error");
    }
}
