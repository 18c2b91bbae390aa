//! Why a logger cannot write, or does not read: its process and the directories that it writes to, by its open files. A
//! multilog, an svlogd and an s6-log hold `lock` and `current` of each of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use daemontools_core::label::Label;
use daemontools_program::clock::time_of_day;
use daemontools_service::blocked::{Cause, Obstacle, Place};
use daemontools_untrusted::Directory;
use nix::sys::stat::FileStat;
use nix::sys::statvfs::{FsFlags, Statvfs, statvfs};

use crate::process::{self, Rights};

/// How many descendants of a logger's process are looked at: enough for any chain of shells.
const PROCESSES: usize = 64;
/// How much free room lets a logger write, in bytes.
const ENOUGH: u64 = 64 * 1024;
/// For how long a processor may be at work before a logger that writes nothing meanwhile is in trouble.
const LONG: Duration = Duration::from_secs(60);
/// How often a logger tries again at least.
const ATTEMPTS: Duration = Duration::from_secs(10);
/// How much of the end of a log is read to find the stamp of its last line, in bytes.
const TAIL: usize = 16 * 1024;
/// Who may make and rename files in a directory, in the three places of its mode.
const WRITE_SEARCH: u32 = 0o3;

/// A directory that a logger writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDirectory {
    /// Its path, as the logger's process sees it.
    pub path: PathBuf,
    /// Its file system.
    pub room: Room,
    /// Its owner, group and mode, where they are known.
    pub owner: Option<(u32, u32, u32)>,
    /// Since when a processor is, or should be, at work.
    pub processing: Option<Label>,
    /// When `current` was last written to. An attempt that fails for want of space counts, too.
    pub modified: Option<Label>,
    /// The descriptor by which the process writes `current`.
    pub current: Option<u32>,
}

/// The room in a file system, in bytes and files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Its size.
    pub size: u64,
    /// What is free.
    pub free: u64,
    /// What is free for accounts without privilege.
    pub free_for_all: u64,
    /// How many files it may have; 0: there is no such limit.
    pub files: u64,
    /// How many more it may have.
    pub files_free: u64,
    /// How many more for accounts without privilege.
    pub files_free_for_all: u64,
    /// Whether it may not be written.
    pub read_only: bool,
}

/// Why the logger with this process does not read, and when its logs were last written to.
pub fn cause(pid: u32) -> (Cause, Option<Label>) {
    let is_stopped = |pid: u32| matches!(process::state(pid), Some(b'T' | b't'));
    let (writer, directories) = written_by(pid);
    let written = written(writer, &directories);
    let cause = match () {
        () if is_stopped(pid) || is_stopped(writer) => Cause::Stopped,
        () => first(writer, &directories, obstacle).unwrap_or(Cause::Unknown),
    };
    (cause, written)
}

/// Why the logger with this process cannot write though it reads, and when its logs were last written to. s6-log keeps
/// what it has read in memory, and any logger reads on until it has something to write.
pub fn trouble(pid: u32, now: Label) -> Option<(Cause, Option<Label>)> {
    let (writer, directories) = written_by(pid);
    if directories.iter().all(is_well) {
        return None;
    }
    let cause = first(writer, &directories, |directory, rights| lasting(directory, rights, now))?;
    Some((cause, written(writer, &directories)))
}

/// When the last line was written to these directories, as it says itself; else when `current` was, where no attempt that
/// failed can be meant.
fn written(writer: u32, directories: &[LogDirectory]) -> Option<Label> {
    let is_attempt = |at: &Label| time_of_day().since(*at) < ATTEMPTS;
    let of = |directory: &LogDirectory| {
        let stamp = directory.current.and_then(|current| last_stamp(&process::tail(writer, current, TAIL)?));
        stamp.or(directory.modified.filter(|at| !is_attempt(at)))
    };
    directories.iter().filter_map(of).max()
}

/// Why no logger of this account could write in `dir`, or in the directory that `dir` is to be made in: its file system. For a
/// logger that ends and is started again.
pub fn disk(dir: &Path, uid: u32) -> Option<Cause> {
    let found = dir.ancestors().find_map(|dir| statvfs(dir).ok())?;
    let rights = Rights { uid, gids: Vec::new(), uses_reserve: uid == 0, ignores_modes: true };
    let room = Room::new(&found);
    let directory =
        LogDirectory { path: dir.to_owned(), room, owner: None, processing: None, modified: None, current: None };
    Some(Cause::Directory(place(&directory, &rights), obstacle(&directory, &rights)?))
}

/// The first obstacle in these directories to the process that writes there.
fn first(
    writer: u32,
    directories: &[LogDirectory],
    obstacle: impl Fn(&LogDirectory, &Rights) -> Option<Obstacle>,
) -> Option<Cause> {
    let rights = process::rights(writer)?;
    let of =
        |directory: &LogDirectory| Some(Cause::Directory(place(directory, &rights), obstacle(directory, &rights)?));
    directories.iter().find_map(of)
}

/// An obstacle that a logger meets whatever it does next.
fn lasting(directory: &LogDirectory, rights: &Rights, now: Label) -> Option<Obstacle> {
    match obstacle(directory, rights)? {
        Obstacle::NoSpace if directory.room.free_for(rights) > 0 => None,
        Obstacle::Processor => {
            let since = directory.processing?;
            let writes = directory.modified.is_some_and(|written| written.seconds() > since.seconds() + 1);
            (!writes && now.since(since) > LONG).then_some(Obstacle::Processor)
        }
        // What is open already can be written.
        Obstacle::Denied => None,
        lasting => Some(lasting),
    }
}

/// Whether no account meets a lasting obstacle there: then whose rights the logger has need not be asked.
fn is_well(directory: &LogDirectory) -> bool {
    let room = &directory.room;
    let has_space = room.free.min(room.free_for_all) >= ENOUGH.min(room.size);
    let has_files = room.files == 0 || room.files_free.min(room.files_free_for_all) > 0;
    !room.read_only && has_space && has_files && directory.processing.is_none()
}

/// The directory in the words of the report.
fn place(directory: &LogDirectory, rights: &Rights) -> Place {
    let Room { size, free, files, .. } = directory.room;
    let reserve = if rights.uses_reserve || free < ENOUGH { 0 } else { free };
    Place { dir: directory.path.clone(), uid: rights.uid, size, reserve, files }
}

/// What keeps an account with these rights from writing a log there.
pub fn obstacle(directory: &LogDirectory, rights: &Rights) -> Option<Obstacle> {
    let room = &directory.room;
    let free = room.free_for(rights);
    let files = if rights.uses_reserve { room.files_free } else { room.files_free_for_all };
    let may_write = directory.owner.is_none_or(|(uid, gid, mode)| {
        let granted = match () {
            () if rights.ignores_modes => 0o7,
            () if uid == rights.uid => mode >> 6,
            () if rights.gids.contains(&gid) => mode >> 3,
            () => mode,
        };
        granted & WRITE_SEARCH == WRITE_SEARCH
    });
    match () {
        () if room.read_only => Some(Obstacle::ReadOnly),
        () if free < ENOUGH.min(room.size) => Some(Obstacle::NoSpace),
        () if room.files > 0 && files == 0 => Some(Obstacle::NoInodes),
        () if !may_write => Some(Obstacle::Denied),
        () if directory.processing.is_some() => Some(Obstacle::Processor),
        () => None,
    }
}

/// The log directories that a process, or a descendant of it, writes to, and which one of them does; the process itself
/// where none is found.
pub fn written_by(pid: u32) -> (u32, Vec<LogDirectory>) {
    let mut family = vec![pid];
    let mut asked = 0;
    while let Some(&member) = family.get(asked).filter(|_| asked < PROCESSES) {
        let found = held(member);
        if !found.is_empty() {
            return (member, found);
        }
        family.extend(process::children(member));
        asked += 1;
    }
    (pid, Vec::new())
}

/// The directories whose `lock` or `current` a process has open.
fn held(pid: u32) -> Vec<LogDirectory> {
    let mut found: Vec<LogDirectory> = Vec::new();
    for (number, target) in process::descriptors(pid) {
        let is_log = target.file_name().is_some_and(|name| name == "lock" || name == "current");
        let Some(path) = target.parent().filter(|path| is_log && path.is_absolute()) else { continue };
        // Through the open file itself, wherever its path leads by now.
        let link = format!("/proc/{pid}/fd/{number}");
        let Ok(room) = statvfs(link.as_str()) else { continue };
        if !found.iter().any(|directory| directory.path == path) {
            found.push(look(pid, path, &room));
        }
        if let Some(directory) = found.iter_mut().find(|found| found.path == path && target.ends_with("current")) {
            directory.current = Some(number);
        }
    }
    found
}

/// The stamp of the last line that has one.
fn last_stamp(tail: &[u8]) -> Option<Label> {
    let lines = tail.split(|&byte| byte == b'\n').rev();
    lines.filter(|line| line.first() == Some(&b'@')).find_map(|line| Label::from_text(line).map(|(label, _)| label))
}

fn look(pid: u32, path: &Path, room: &Statvfs) -> LogDirectory {
    // Its root may be another one than ours, and who owns the directory may have put a link there meanwhile.
    let inside = path.strip_prefix("/").unwrap_or(path);
    let found = Directory::root_of(pid).ok().and_then(|root| root.directory_by_links(inside).ok());
    let found = found.as_ref();
    let owner = |found: &FileStat| (found.st_uid, found.st_gid, found.st_mode & 0o7777);
    let current = found.and_then(|directory| directory.stat(Path::new("current")).ok());
    LogDirectory {
        path: path.to_owned(),
        room: Room::new(room),
        owner: found.map(|directory| owner(directory.metadata())),
        processing: found.and_then(processing_since),
        modified: current.map(|found| Label::from_unix(found.st_mtime, 0)),
        current: None,
    }
}

/// Since when what a processor reads or writes is there: `previous` or `processed` of multilog and s6-log, `@….t` of svlogd.
fn processing_since(directory: &Directory) -> Option<Label> {
    let is_of_processor =
        |name: &[u8]| name == b"processed" || name == b"previous" || name.starts_with(b"@") && name.ends_with(b".t");
    let name = directory.find_name(is_of_processor).ok()??;
    Some(Label::from_unix(directory.stat_entry(name).ok()?.st_ctime, 0))
}

impl Room {
    /// What is free for an account with these rights.
    fn free_for(&self, rights: &Rights) -> u64 {
        if rights.uses_reserve { self.free } else { self.free_for_all }
    }

    // The types of these fields differ from one system to the next.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    fn new(found: &Statvfs) -> Room {
        let block = found.fragment_size() as u64;
        let bytes = |blocks: u64| blocks.saturating_mul(block);
        Room {
            size: bytes(found.blocks() as u64),
            free: bytes(found.blocks_free() as u64),
            free_for_all: bytes(found.blocks_available() as u64),
            files: found.files() as u64,
            files_free: found.files_free() as u64,
            files_free_for_all: found.files_available() as u64,
            read_only: found.flags().contains(FsFlags::ST_RDONLY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};

    const ROOM: Room = Room {
        size: 1 << 30,
        free: 1 << 20,
        free_for_all: 1 << 20,
        files: 100,
        files_free: 9,
        files_free_for_all: 9,
        read_only: false,
    };

    fn judge(room: Room, mode: u32, processing: bool, rights: &Rights) -> Option<Obstacle> {
        let processing = processing.then(|| Label::from_unix(100, 0));
        obstacle(&LogDirectory { owner: Some((1002, 100, mode)), processing, ..directory(room) }, rights)
    }

    fn directory(room: Room) -> LogDirectory {
        LogDirectory { path: "/x".into(), room, owner: None, processing: None, modified: None, current: None }
    }

    #[test]
    fn a_planted_link_tells_nothing_of_another_directory() {
        let place = std::env::temp_dir().join(format!("planted.{}", std::process::id()));
        let (hers, secret) = (place.join("hers"), place.join("secret"));
        std::fs::create_dir_all(secret.join("processed")).unwrap();
        std::fs::write(secret.join("current"), "").unwrap();
        std::fs::set_permissions(&secret, Permissions::from_mode(0o700)).unwrap();
        symlink("secret", &hers).unwrap();
        let room = statvfs(&place).unwrap();
        let is_told = || {
            let found = look(std::process::id(), &hers, &room);
            [found.owner.is_some(), found.processing.is_some(), found.modified.is_some()]
        };
        let own = is_told();
        let give = |path| lchown(path, Some(65534), None);
        let given_away = give(&place).and_then(|()| give(&hers)).map(|()| is_told());
        std::fs::remove_dir_all(&place).unwrap();
        assert_eq!(own, [true; 3]);
        // Only root can give it away, and only root would be led. Who owns a directory can be seen from outside.
        assert!(given_away.is_err() || given_away.is_ok_and(|told| told == [true, false, false]));
    }

    #[test]
    fn a_logger_that_reads_is_in_trouble_when_nothing_can_be_written() {
        let log = Rights { uid: 1002, ..Rights::default() };
        let at = |seconds| Label::from_unix(seconds, 0);
        let judge = |directory: &LogDirectory| lasting(directory, &log, at(200));
        assert_eq!(judge(&directory(Room { free_for_all: 4096, ..ROOM })), None);
        assert_eq!(judge(&directory(Room { free_for_all: 0, ..ROOM })), Some(Obstacle::NoSpace));
        let processing = |since, written| LogDirectory {
            processing: Some(at(since)),
            modified: Some(at(written)),
            ..directory(ROOM)
        };
        assert_eq!(judge(&processing(100, 100)), Some(Obstacle::Processor));
        assert_eq!(judge(&processing(100, 190)), None, "it goes on writing");
        assert_eq!(judge(&processing(150, 150)), None, "that may take a while");
    }

    #[test]
    fn where_all_is_well_nobody_is_in_trouble() {
        let log = Rights { uid: 1002, ..Rights::default() };
        let root = Rights { uid: 0, uses_reserve: true, ignores_modes: true, ..Rights::default() };
        for (room, processing, expected) in [
            (ROOM, false, true),
            (Room { size: 4096, free: 4096, free_for_all: 4096, files: 0, files_free: 0, ..ROOM }, false, true),
            (Room { free_for_all: 0, ..ROOM }, false, false),
            (Room { free: 0, free_for_all: 0, ..ROOM }, false, false),
            (Room { files_free_for_all: 0, ..ROOM }, false, false),
            (Room { read_only: true, ..ROOM }, false, false),
            (ROOM, true, false),
        ] {
            let processing = processing.then(|| Label::from_unix(100, 0));
            let directory = LogDirectory { owner: Some((0, 0, 0o700)), processing, ..directory(room) };
            assert_eq!(is_well(&directory), expected, "{directory:?}");
            let troubles = [&log, &root].map(|rights| lasting(&directory, rights, Label::from_unix(200, 0)));
            assert!(!expected || troubles == [None; 2], "{directory:?}");
        }
    }

    #[test]
    fn the_last_stamp_is_that_of_the_last_whole_one() {
        let log = b"@400000006b0a343e0a88e472 a\n@400000006b0a343f0a88e472 b\nno stamp\n@4000";
        assert_eq!(last_stamp(log), Label::from_text(b"@400000006b0a343f0a88e472").map(|(label, _)| label));
        assert_eq!(last_stamp(b"a\nb\n"), None);
    }

    #[test]
    fn what_root_keeps_for_itself_is_not_for_others() {
        let root = Rights { uid: 0, gids: vec![0], uses_reserve: true, ignores_modes: true };
        let log = Rights { uid: 1002, gids: vec![1002], ..Rights::default() };
        let reserved = Room { free_for_all: 0, ..ROOM };
        assert_eq!([&root, &log].map(|who| judge(reserved, 0o755, false, who)), [None, Some(Obstacle::NoSpace)]);
        let few = Room { files_free_for_all: 0, ..ROOM };
        assert_eq!([&root, &log].map(|who| judge(few, 0o755, false, who)), [None, Some(Obstacle::NoInodes)]);
        let unlimited = Room { files: 0, files_free: 0, files_free_for_all: 0, ..ROOM };
        assert_eq!(judge(unlimited, 0o755, false, &log), None);
    }

    #[test]
    fn each_obstacle_is_told_by_its_signs() {
        let log = Rights { uid: 1002, gids: vec![7], ..Rights::default() };
        let other = Rights { uid: 1003, gids: vec![7, 100], ..Rights::default() };
        assert_eq!(judge(Room { read_only: true, free: 0, ..ROOM }, 0o755, true, &log), Some(Obstacle::ReadOnly));
        assert_eq!(judge(ROOM, 0o755, true, &log), Some(Obstacle::Processor));
        assert_eq!(judge(ROOM, 0o755, false, &other), Some(Obstacle::Denied));
        assert_eq!(judge(ROOM, 0o775, false, &other), None);
        assert_eq!(judge(ROOM, 0o555, false, &log), Some(Obstacle::Denied));
        assert_eq!(judge(ROOM, 0o700, false, &log), None);
    }
}
