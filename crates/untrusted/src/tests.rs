//! Attacks on the walk, as root, in a private directory: what an account planted leads to what it could read, or nowhere.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;

use crate::{Directory, Error, Kind, Writer};

/// An account without groups, and without files.
const MALLORY: u32 = 54321;

/// A directory of root's with a secret in it, and a directory of Mallory's; gone when dropped.
struct Place(PathBuf);

impl Place {
    /// `None` where we are not root.
    fn new() -> Option<Place> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() {
            return None;
        }
        let name = format!("untrusted-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let place = Place(std::env::temp_dir().join(name));
        fs::create_dir(&place.0).unwrap();
        place.file("secret", 0o600, 0);
        place.file("public", 0o644, 0);
        place.dir("shut", 0o700, 0);
        place.file("shut/public", 0o644, 0);
        place.dir("hers", 0o755, MALLORY);
        Some(place)
    }

    fn own(&self, name: &str, mode: u32, owner: u32) {
        fs::set_permissions(self.0.join(name), Permissions::from_mode(mode)).unwrap();
        chown(self.0.join(name), Some(owner), Some(owner)).unwrap();
    }

    fn file(&self, name: &str, mode: u32, owner: u32) {
        fs::write(self.0.join(name), name).unwrap();
        self.own(name, mode, owner);
    }

    fn dir(&self, name: &str, mode: u32, owner: u32) {
        fs::create_dir(self.0.join(name)).unwrap();
        self.own(name, mode, owner);
    }

    fn link(&self, name: &str, target: &str, owner: u32) {
        symlink(target, self.0.join(name)).unwrap();
        lchown(self.0.join(name), Some(owner), Some(owner)).unwrap();
    }

    fn root(&self) -> Directory {
        Directory::current().unwrap().directory(&self.0).unwrap()
    }

    fn read(&self, name: &str) -> Result<String, Error> {
        let file = self.root().file(Path::new(name))?;
        Ok(String::from_utf8(file.read_up_to(1000)?.0).unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn not_by_her<T>() -> Result<T, Error> {
    Err(Error::NotReadableBy(Writer::User(MALLORY)))
}

#[test]
fn links_lead_to_what_their_planter_could_read() {
    let Some(place) = Place::new() else { return };
    let here = place.0.to_str().unwrap().to_owned();
    place.link("hers/secret", "../secret", MALLORY);
    place.link("hers/absolute", &format!("{here}/secret"), MALLORY);
    place.link("hers/public", "../public", MALLORY);
    place.link("hers/behind", "../shut/public", MALLORY);
    place.link("hers/chain", "public", MALLORY);
    place.link("hers/long", "secret", MALLORY);
    place.link("hers/loop", "loop", MALLORY);
    place.link("hers/dir", "../shut", MALLORY);
    // Even a link of root's, since she chooses what it is called.
    place.link("hers/roots", "../secret", 0);
    place.link("planted", "secret", MALLORY);
    place.link("roots", "secret", 0);
    place.link("via", "hers/secret", 0);
    for secret in ["hers/secret", "hers/absolute", "hers/long", "hers/roots", "planted", "via"] {
        assert_eq!(place.read(secret), not_by_her(), "{secret}");
    }
    for shut in ["hers/behind", "hers/dir/public"] {
        assert_eq!(place.read(shut), not_by_her(), "{shut}");
    }
    for (public, content) in [("hers/public", "public"), ("hers/chain", "public"), ("roots", "secret")] {
        assert_eq!(place.read(public).as_deref(), Ok(content), "{public}");
    }
    assert_eq!(place.read("hers/loop"), Err(Errno::ELOOP.into()));
    assert_eq!(place.root().directory(Path::new("hers/dir")).and_then(|dir| dir.names()), not_by_her());
}

#[test]
fn what_she_could_not_read_herself_is_not_read_in_her_directory() {
    let Some(place) = Place::new() else { return };
    place.file("hers/own", 0o600, MALLORY);
    place.file("hers/roots", 0o600, 0);
    place.file("hers/world", 0o604, 0);
    fs::hard_link(place.0.join("secret"), place.0.join("hers/hard")).unwrap();
    fs::rename(place.0.join("shut"), place.0.join("hers/shut")).unwrap();
    assert_eq!(place.read("hers/own").as_deref(), Ok("hers/own"));
    // She may be in the group that alone is kept out.
    for name in ["hers/roots", "hers/hard", "hers/shut/public", "hers/world"] {
        assert_eq!(place.read(name), not_by_her(), "{name}");
    }
    // Out of her directory again.
    assert_eq!(place.read("hers/../secret"), not_by_her());
}

#[test]
fn a_directory_for_all_is_believed_by_its_sticky_bit() {
    let Some(place) = Place::new() else { return };
    for (name, mode) in [("sticky", 0o1777), ("open", 0o777)] {
        place.dir(name, mode, 0);
        place.file(&format!("{name}/roots"), 0o600, 0);
        place.dir(&format!("{name}/dir"), 0o700, 0);
        place.file(&format!("{name}/dir/file"), 0o600, 0);
        assert_eq!(place.read(&format!("{name}/dir/file")), Ok(format!("{name}/dir/file")));
    }
    assert_eq!(place.read("sticky/roots").as_deref(), Ok("sticky/roots"));
    assert_eq!(place.read("open/roots"), Err(Error::NotReadableBy(Writer::Anyone)));
    fs::hard_link(place.0.join("secret"), place.0.join("sticky/hard")).unwrap();
    assert_eq!(place.read("sticky/hard"), Err(Error::NotReadableBy(Writer::Anyone)));
}

#[test]
fn regular_files_only() {
    let Some(place) = Place::new() else { return };
    nix::unistd::mkfifo(&place.0.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.0.join("socket")).unwrap();
    for (name, target, kind) in [
        ("kmsg", "/proc/kmsg", Kind::Kernel),
        ("sysfs", "/sys/kernel/uevent_seqnum", Kind::Kernel),
        ("zero", "/dev/zero", Kind::Device),
        ("dir", "shut", Kind::Directory),
        ("to-fifo", "fifo", Kind::Fifo),
        ("to-socket", "socket", Kind::Socket),
    ] {
        place.link(name, target, 0);
        assert_eq!(place.read(name), Err(Error::NotRegular(kind)), "{name}");
    }
    // Where the text of a link in /proc leads is not where the link leads.
    place.link("hers/self", "/proc/self/cwd/Cargo.toml", MALLORY);
    assert_eq!(place.read("hers/self"), not_by_her());
}

#[test]
fn a_script_of_hers_names_only_what_she_could_read() {
    let Some(place) = Place::new() else { return };
    place.file("hers/run", 0o755, MALLORY);
    let script = place.root().file(Path::new("hers/run")).unwrap();
    let chosen = place.root().chosen_by(script.writers()).unwrap();
    assert_eq!(chosen.file(Path::new("secret")).map(drop), not_by_her());
    assert_eq!(chosen.file(&place.0.join("secret")).map(drop), not_by_her());
    assert!(chosen.file(Path::new("public")).is_ok());
}

#[test]
fn a_long_file_is_read_up_to_a_limit() {
    let Some(place) = Place::new() else { return };
    let read = |limit| place.root().file(Path::new("public")).unwrap().read_up_to(limit).unwrap();
    assert_eq!((read(6), read(5)), ((b"public".to_vec(), false), (b"publi".to_vec(), true)));
    let current = Directory::current().unwrap();
    assert_eq!(current.directory(Path::new("")).map(drop), Err(Errno::ENOENT.into()));
    assert_eq!(place.read("public/"), Err(Errno::ENOTDIR.into()));
}
