//! The words for an errno. Scripts look for them, so they are those of daemontools 0.76, not the C library's.

use nix::errno::Errno;

/// Why a system call failed, in lower case.
pub fn reason(errno: Errno) -> &'static str {
    let mut start = 0;
    for &(number, length) in &LENGTHS {
        let end = start + usize::from(length);
        if number == errno as u16 {
            return TEXT.get(start..end).unwrap_or_default();
        }
        start = end;
    }
    "unknown error"
}

/// Makes `TEXT`, all words in one piece, and `LENGTHS`, which has a number and the length of its words for each. A pointer
/// for each would have to be relocated when a program starts, in a page of each process.
macro_rules! words {
    ($($errno:ident $words:literal)*) => {
        const TEXT: &str = concat!($($words),*);
        static LENGTHS: [(u16, u8); [$($words),*].len()] = [$((Errno::$errno as u16, $words.len() as u8)),*];
    };
}

// 0.76's table, then words of our own for what 0.76 does not tell apart.
words! {
    ENOENT "file does not exist"
    EACCES "access denied"
    EPERM "permission denied"
    ENXIO "device not configured"
    EINTR "interrupted system call"
    ENOMEM "out of memory"
    ETXTBSY "text busy"
    EIO "input/output error"
    EEXIST "file already exists"
    ETIMEDOUT "timed out"
    EINPROGRESS "operation in progress"
    EAGAIN "temporary failure"
    EPIPE "broken pipe"
    EPROTO "protocol error"
    EISDIR "is a directory"
    ECONNREFUSED "connection refused"
    ENOTDIR "not a directory"
    ESRCH "no such process"
    E2BIG "argument list too long"
    ENOEXEC "exec format error"
    EBADF "file descriptor not open"
    ECHILD "no child processes"
    EDEADLK "operation would cause deadlock"
    EFAULT "bad address"
    ENOTBLK "not a block device"
    EBUSY "device busy"
    EXDEV "cross-device link"
    ENODEV "device does not support operation"
    EINVAL "invalid argument"
    ENFILE "system cannot open more files"
    EMFILE "process cannot open more files"
    ENOTTY "not a tty"
    EFBIG "file too big"
    ENOSPC "out of disk space"
    ESPIPE "unseekable descriptor"
    EROFS "read-only file system"
    EMLINK "too many links"
    EDOM "input out of range"
    ERANGE "output out of range"
    EALREADY "operation already in progress"
    ENOTSOCK "not a socket"
    EDESTADDRREQ "destination address required"
    EMSGSIZE "message too long"
    EPROTOTYPE "incorrect protocol type"
    ENOPROTOOPT "protocol not available"
    EPROTONOSUPPORT "protocol not supported"
    ESOCKTNOSUPPORT "socket type not supported"
    EOPNOTSUPP "operation not supported"
    EPFNOSUPPORT "protocol family not supported"
    EAFNOSUPPORT "address family not supported"
    EADDRINUSE "address already used"
    EADDRNOTAVAIL "address not available"
    ENETDOWN "network down"
    ENETUNREACH "network unreachable"
    ENETRESET "network reset"
    ECONNABORTED "connection aborted"
    ECONNRESET "connection reset"
    ENOBUFS "out of buffer space"
    EISCONN "already connected"
    ENOTCONN "not connected"
    ESHUTDOWN "socket shut down"
    ETOOMANYREFS "too many references"
    ELOOP "symbolic link loop"
    ENAMETOOLONG "file name too long"
    EHOSTDOWN "host down"
    EHOSTUNREACH "host unreachable"
    ENOTEMPTY "directory not empty"
    EUSERS "too many users"
    EDQUOT "disk quota exceeded"
    ESTALE "stale NFS file handle"
    EREMOTE "too many levels of remote in path"
    ENOLCK "no locks available"
    ENOSYS "system call not available"
    EOVERFLOW "value too large"
    EILSEQ "invalid byte sequence"
    ENOLINK "link severed"
    EMULTIHOP "multihop attempted"
    ENOMEDIUM "no medium found"
    EMEDIUMTYPE "wrong medium type"
    ECANCELED "operation cancelled"
    ENOSTR "not a stream device"
    ENOSR "out of stream resources"
    ENONET "machine not on network"
    EADV "advertise error"
    ESRMNT "srmount error"
    ECOMM "communication error"
    EREMCHG "remote address changed"
    ENODATA "no data available"
    ETIME "timer expired"
    EBADMSG "bad message type"
    EIDRM "identifier removed"
    ENOMSG "no message of desired type"
    ELIBBAD "corrupted shared library"
    ELIBACC "shared library not accessible"
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
    fn each_errno_has_its_own_words() {
        let all: Vec<&str> = LENGTHS.iter().map(|(number, _)| reason(Errno::from_raw(i32::from(*number)))).collect();
        assert_eq!(all.concat(), TEXT);
        assert_eq!(reason(Errno::ELIBACC), "shared library not accessible");
    }

    #[test]
    fn an_errno_without_words_is_still_a_sentence() {
        assert_eq!(reason(Errno::EL2HLT), "unknown error");
    }
}
