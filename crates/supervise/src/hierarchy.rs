//! Where control groups (cgroup v2) are mounted, which of them a process is in, and what ours are called: pure, from the
//! texts of `/proc`.

/// The group of svscan and its supervises, where they had to leave the one that they were started in: the kernel allows no
/// processes in a group whose children have controllers.
pub const LEAF: &[u8] = b"supervise";
/// The longest part of a group's name that comes from the service's.
const LONGEST_NAME: usize = 100;

/// The group in which the groups of services are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Above {
    /// Its directory.
    pub directory: Vec<u8>,
    /// Its path in the hierarchy, as `/proc/PID/cgroup` has it, without a slash at the end.
    pub path: Vec<u8>,
}

/// The group that a process of ours was started in, from its `/proc/self/mountinfo` and `/proc/self/cgroup`; `None`: no
/// hierarchy that it is in is mounted.
pub fn above(mountinfo: &[u8], cgroup: &[u8]) -> Option<Above> {
    let own = group_of(cgroup)?;
    let path = match own.strip_suffix(LEAF).and_then(|above| above.strip_suffix(b"/")) {
        Some(above) => above,
        None => own.strip_suffix(b"/").unwrap_or(own),
    };
    mountinfo.split(|&byte| byte == b'\n').find_map(|line| {
        let (root, at) = mounted_group(line)?;
        let below = path.strip_prefix(root.strip_suffix(b"/").unwrap_or(&root))?;
        (below.is_empty() || below.starts_with(b"/")).then(|| Above {
            directory: [at.strip_suffix(b"/").unwrap_or(&at), below, b"/"].concat(),
            path: path.to_vec(),
        })
    })
}

/// The path of the group that a process is in, from its `/proc/PID/cgroup`.
pub fn group_of(cgroup: &[u8]) -> Option<&[u8]> {
    cgroup.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"0::"))
}

/// The name of a service's group: whatever the service is called, no other service directory has it.
pub fn name(directory: &[u8], device: u64, inode: u64) -> Vec<u8> {
    let mut last = directory.rsplit(|&byte| byte == b'/').filter(|part| !part.is_empty());
    let own = last.next().unwrap_or(b"service");
    let mut name = match (own, last.next()) {
        (b"log", Some(service)) => [service, b"-log"].concat(),
        _ => own.to_vec(),
    };
    name.truncate(LONGEST_NAME);
    for byte in &mut name {
        if !byte.is_ascii_alphanumeric() && !b"-_+".contains(byte) {
            *byte = b'_';
        }
    }
    name.extend(format!(".{device:x}-{inode:x}").into_bytes());
    name
}

/// Which group a line of mountinfo has mounted, and where, if it is a line about cgroup v2.
fn mounted_group(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut words = line.split(|&byte| byte == b' ');
    let (root, at) = (words.nth(3)?, words.next()?);
    let kind = words.skip_while(|word| *word != b"-").nth(1)?;
    (kind == b"cgroup2").then(|| (unescape(root), unescape(at)))
}

/// Undoes the octal escapes of mountinfo.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digits =
            after.get(..3).filter(|digits| byte == b'\\' && digits.iter().all(|digit| (b'0'..b'8').contains(digit)));
        match digits {
            Some(digits) => {
                bytes.push(digits.iter().fold(0_u8, |number, digit| number.wrapping_mul(8).wrapping_add(digit - b'0')));
                rest = after.get(3..).unwrap_or_default();
            }
            None => bytes.push(byte),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 1 0:21 / /proc rw - proc proc rw
30 22 0:27 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
31 22 0:28 / /sys/fs/cgroup/unified rw,relatime shared:10 - cgroup2 cgroup2 rw
";

    fn found(mounts: &str, cgroup: &str) -> Option<(String, String)> {
        let above = above(mounts.as_bytes(), cgroup.as_bytes())?;
        Some((String::from_utf8(above.directory).unwrap(), String::from_utf8(above.path).unwrap()))
    }

    fn pair(directory: &str, path: &str) -> Option<(String, String)> {
        Some((directory.into(), path.into()))
    }

    #[test]
    fn the_group_is_found_below_the_mount() {
        assert_eq!(found(MOUNTS, "4:memory:/x\n0::/\n"), pair("/sys/fs/cgroup/unified/", ""));
        assert_eq!(found(MOUNTS, "0::/sys.slice/sv\n"), pair("/sys/fs/cgroup/unified/sys.slice/sv/", "/sys.slice/sv"));
        assert_eq!(found(MOUNTS, "4:memory:/x\n"), None);
        assert_eq!(found("22 1 0:21 / /proc rw - proc proc rw\n", "0::/\n"), None);
        assert_eq!(found("", ""), None);
    }

    #[test]
    fn a_supervise_that_has_moved_is_where_it_was_started() {
        assert_eq!(found(MOUNTS, "0::/a/supervise\n"), pair("/sys/fs/cgroup/unified/a/", "/a"));
        assert_eq!(found(MOUNTS, "0::/supervise\n"), pair("/sys/fs/cgroup/unified/", ""));
        assert_eq!(found(MOUNTS, "0::/asupervise\n"), pair("/sys/fs/cgroup/unified/asupervise/", "/asupervise"));
    }

    #[test]
    fn a_mount_may_show_a_part_and_have_any_name() {
        let mounts = "31 22 0:28 /docker/1 /a\\040b\\134c rw - cgroup2 none rw\n";
        assert_eq!(found(mounts, "0::/docker/1/x\n"), pair("/a b\\c/x/", "/docker/1/x"));
        assert_eq!(found(mounts, "0::/docker/1\n"), pair("/a b\\c/", "/docker/1"));
        assert_eq!(found(mounts, "0::/docker/12\n"), None);
        assert_eq!(found(mounts, "0::/\n"), None, "above what is shown");
    }

    #[test]
    fn names_are_plain_and_each_directory_has_its_own() {
        let name = |directory: &[u8]| String::from_utf8(super::name(directory, 0xfe01, 77)).unwrap();
        assert_eq!(name(b"/etc/sv/web"), "web.fe01-4d");
        assert_eq!(name(b"/etc/sv/web/log"), "web-log.fe01-4d");
        assert_eq!(name(b"/etc/sv/w.b \n\xff"), "w_b___.fe01-4d");
        assert_eq!(name(b"/"), "service.fe01-4d");
        assert_eq!(name(&[b'x'; 255]).len(), 108);
    }
}
