//! Settings: words of the script that begin with a colon, `:NAME=VALUE`. They hold for the logs after them. 0.76 ignores
//! such words, so one script serves both; here, a word that is not understood is an error, because a log that is not kept as
//! somebody meant it is lost.

use std::ffi::CStr;
use std::time::Duration;

use daemontools_core::text::number;
use daemontools_lines::stamp_text::Form;
use daemontools_program::failure::Failure;

use crate::group;
use crate::schedule::Schedule;

/// How a log is kept, beyond what 0.76's own words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The largest age of an archived file, by the time of its last line.
    pub max_age: Option<Duration>,
    /// The largest sum of the sizes of archived files, in bytes.
    pub max_total: Option<u64>,
    /// When a file is finished because of its age.
    pub rotate: Option<Schedule>,
    /// How finished files are packed.
    pub compress: Option<Compress>,
    /// The level that was asked for, which may be none that there is.
    pub level: Option<u8>,
    /// Whether lines are dropped while there is no room.
    pub drops: bool,
    /// Whether it is told in the log how long it waited.
    pub tells_waits: bool,
    /// When lines are brought to the disk.
    pub sync: Sync,
    /// The mode of a file that is being written, without the execute bit that marks a finished one.
    pub mode: u32,
    /// The mode of a directory that is made.
    pub dir_mode: u32,
    /// The group of files and of a directory that is made.
    pub group: Option<u32>,
    /// The form of the stamps of `t`.
    pub stamp: Form,
    /// What comes before each line, after the stamp.
    pub prefix: &'static [u8],
    /// How many bytes of a line are written as one line.
    pub line_max: Option<usize>,
}

/// When lines are brought to the disk, besides the end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// When the file is finished.
    Rotate,
    /// That long after they were written.
    After(Duration),
    /// Before they are taken out of the pipe.
    Always,
}

/// How finished files are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compress {
    /// By gzip, at the level that this digit names.
    Gzip(u8),
    /// By zstd, the same.
    Zstd(u8),
}

impl Compress {
    /// What a packed file has at the end of its name.
    pub fn suffix(self) -> &'static [u8] {
        match self {
            Compress::Gzip(_) => b".gz",
            Compress::Zstd(_) => b".zst",
        }
    }

    /// What the program that packs is told.
    pub fn words(self) -> [&'static CStr; 2] {
        const LEVELS: [&CStr; 9] = [c"1", c"2", c"3", c"4", c"5", c"6", c"7", c"8", c"9"];
        let level = |digit| LEVELS.into_iter().find(|level| level.to_bytes() == [digit]);
        match self {
            Compress::Gzip(digit) => [c"gzip", level(digit).unwrap_or(c"6")],
            Compress::Zstd(digit) => [c"zstd", level(digit).unwrap_or(c"3")],
        }
    }
}

impl Default for Settings {
    /// What 0.76 does.
    fn default() -> Settings {
        Settings {
            max_age: None,
            max_total: None,
            rotate: None,
            compress: None,
            level: None,
            drops: false,
            tells_waits: false,
            sync: Sync::Rotate,
            mode: 0o644,
            dir_mode: 0o700,
            group: None,
            stamp: Form::Tai64n,
            prefix: b"",
            line_max: None,
        }
    }
}

/// What a setting asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is noted in the settings.
    Noted,
    /// The same, and each line has to have a stamp.
    OfStamps,
    /// The size of a file, in bytes.
    Size(u64),
    /// The group of this name.
    GroupOf(&'static [u8]),
}

/// The smallest size of a file, in bytes.
const SMALLEST: u64 = 4096;

impl Settings {
    /// Notes the setting that the word after the colon spells.
    pub fn set(&mut self, word: &'static [u8]) -> Result<Change, Failure> {
        let equals = memchr::memchr(b'=', word).unwrap_or(word.len());
        let (name, value) = word.split_at_checked(equals).unwrap_or((word, b""));
        let value = value.strip_prefix(b"=").unwrap_or_default();
        let Some(known) = self.note(name, value) else {
            return Err(Failure::fatal([b"unknown setting :", word]));
        };
        known.ok_or_else(|| Failure::fatal([b"malformed setting :", word]))
    }

    /// The settings for a log, in which all agree with each other.
    pub fn agreed(&self) -> Result<Settings, Failure> {
        let compress = match (self.compress, self.level) {
            (Some(Compress::Gzip(_)), Some(level @ 1..=9)) => Some(Compress::Gzip(b'0' + level)),
            (Some(Compress::Zstd(_)), Some(level @ 1..=9)) => Some(Compress::Zstd(b'0' + level)),
            (None, _) | (_, None) => self.compress,
            (Some(Compress::Gzip(_)), Some(_)) => return Err(Failure::fatal([b"gzip has levels from 1 to 9"])),
            (Some(Compress::Zstd(_)), Some(_)) => return Err(Failure::fatal([b"zstd has levels from 1 to 9"])),
        };
        Ok(Settings { compress, ..*self })
    }

    /// Notes a setting: `None` if there is none of that name, and within that if it cannot have that value.
    fn note(&mut self, name: &[u8], value: &'static [u8]) -> Option<Option<Change>> {
        if value == b"off" && self.unset(name).is_some() {
            return Some(Some(Change::Noted));
        }
        let noted = match name {
            b"size" => return Some(size(value).filter(|&size| size >= SMALLEST).map(Change::Size)),
            b"stamp" => {
                return Some(Form::by_name(value).map(|form| {
                    self.stamp = form;
                    Change::OfStamps
                }));
            }
            b"prefix" => (!value.contains(&b'\n')).then(|| self.prefix = value),
            b"line-max" => size(value).and_then(line_max).map(|most| self.line_max = Some(most)),
            b"max-age" => time(value).map(|age| self.max_age = Some(age)),
            b"max-total" => size(value).map(|total| self.max_total = Some(total)),
            b"rotate" => schedule(value).map(|schedule| self.rotate = Some(schedule)),
            b"compress" => compress(value).map(|compress| self.compress = compress),
            b"level" => number(value).and_then(|level| u8::try_from(level).ok()).map(|level| self.level = Some(level)),
            b"when-full" => one_of(value, b"block", b"drop").map(|drops| self.drops = drops),
            b"tell-waits" => one_of(value, b"off", b"on").map(|tells| self.tells_waits = tells),
            b"sync" => sync(value).map(|sync| self.sync = sync),
            b"mode" => mode(value, 0o777, 0o600).map(|mode| self.mode = mode & !0o100),
            b"dir-mode" => mode(value, 0o7777, 0o700).map(|mode| self.dir_mode = mode),
            b"group" => match group::number(value) {
                Some(number) => {
                    self.group = Some(number);
                    Some(())
                }
                // One that begins with a hyphen would be an option of what looks it up.
                None => {
                    let is_name = !value.is_empty() && !value.starts_with(b"-");
                    return Some(is_name.then_some(Change::GroupOf(value)));
                }
            },
            _ => return None,
        };
        Some(noted.map(|()| Change::Noted))
    }

    /// Makes a setting what it is in a script without it: `None` if its values do not have `off` among them.
    fn unset(&mut self, name: &[u8]) -> Option<()> {
        let default = Settings::default();
        match name {
            b"line-max" => self.line_max = default.line_max,
            b"max-age" => self.max_age = default.max_age,
            b"max-total" => self.max_total = default.max_total,
            b"rotate" => self.rotate = default.rotate,
            b"compress" => self.compress = default.compress,
            b"level" => self.level = default.level,
            b"group" => self.group = default.group,
            _ => return None,
        }
        Some(())
    }
}

/// A number of bytes, of which `k`, `m` and `g` make 1024, and that again.
fn size(value: &[u8]) -> Option<u64> {
    let unit = match value.last()? {
        b'k' => 1 << 10,
        b'm' => 1 << 20,
        b'g' => 1 << 30,
        _ => return number(value),
    };
    number(value.split_last()?.1)?.checked_mul(unit)
}

/// The length of a line in memory, at least one byte.
fn line_max(bytes: u64) -> Option<usize> {
    usize::try_from(bytes).ok().filter(|&bytes| bytes > 0)
}

/// A span of time: a number of seconds, minutes, hours, days or weeks, more than none.
fn time(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let unit = match unit {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        b'w' => 7 * 86_400,
        _ => return None,
    };
    number(digits)?.checked_mul(unit).filter(|&seconds| seconds > 0).map(Duration::from_secs)
}

fn compress(value: &[u8]) -> Option<Option<Compress>> {
    match value {
        b"none" => Some(None),
        b"gzip" => Some(Some(Compress::Gzip(b'6'))),
        b"zstd" => Some(Some(Compress::Zstd(b'3'))),
        _ => None,
    }
}

/// Whether it is the second of two values.
fn one_of(value: &[u8], no: &[u8], yes: &[u8]) -> Option<bool> {
    if value == yes { Some(true) } else { (value == no).then_some(false) }
}

fn schedule(value: &[u8]) -> Option<Schedule> {
    match value {
        b"hourly" => Some(Schedule::Hourly),
        b"daily" => Some(Schedule::Daily),
        b"weekly" => Some(Schedule::Weekly),
        _ => time(value).map(Schedule::After),
    }
}

fn sync(value: &[u8]) -> Option<Sync> {
    match value {
        b"always" => Some(Sync::Always),
        b"rotate" => Some(Sync::Rotate),
        _ => time(value).map(Sync::After),
    }
}

/// An octal mode within `most` that has all the bits of `least`.
fn mode(value: &[u8], most: u32, least: u32) -> Option<u32> {
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|digit| digit.is_ascii_digit()))?;
    u32::from_str_radix(digits, 8).ok().filter(|mode| mode & !most == 0 && mode & least == least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(word: &'static [u8]) -> Settings {
        let mut settings = Settings::default();
        assert_eq!(settings.set(word).expect("a setting"), Change::Noted);
        settings
    }

    #[test]
    fn sizes_and_times_have_units() {
        for (value, bytes) in [(&b"0"[..], 0), (b"1k", 1024), (b"3m", 3 << 20), (b"2g", 2 << 30), (b"17", 17)] {
            assert_eq!(size(value), Some(bytes));
        }
        for (value, seconds) in [(&b"1s"[..], 1), (b"2m", 120), (b"3h", 10_800), (b"1d", 86_400), (b"2w", 1_209_600)] {
            assert_eq!(time(value), Some(Duration::from_secs(seconds)));
        }
        for value in [&b""[..], b"k", b"1t", b"1 k", b"-1", b"1kk", b"99999999999999999999g", b"18446744073709551615k"]
        {
            assert_eq!(size(value), None);
        }
        for value in [&b""[..], b"s", b"1", b"0s", b"1.5h", b"99999999999999999999s"] {
            assert_eq!(time(value), None);
        }
    }

    #[test]
    fn each_setting_is_noted() {
        assert_eq!(set(b"max-age=30d").max_age, Some(Duration::from_secs(30 * 86_400)));
        assert_eq!(set(b"max-total=2g").max_total, Some(2 << 30));
        assert_eq!(set(b"rotate=24h").rotate, Some(Schedule::After(Duration::from_secs(86_400))));
        assert_eq!(set(b"rotate=weekly").rotate, Some(Schedule::Weekly));
        assert_eq!(set(b"sync=always").sync, Sync::Always);
        assert_eq!(set(b"sync=1s").sync, Sync::After(Duration::from_secs(1)));
        assert_eq!(set(b"sync=rotate").sync, Sync::Rotate);
        // The execute bit is the mark of a finished file.
        assert_eq!((set(b"mode=0640").mode, set(b"mode=740").mode), (0o640, 0o640));
        assert_eq!(set(b"dir-mode=2750").dir_mode, 0o2750);
        assert_eq!(set(b"group=4").group, Some(4));
        assert_eq!(set(b"prefix=a=b: ").prefix, b"a=b: ");
        assert_eq!(set(b"line-max=64k").line_max, Some(65_536));
    }

    #[test]
    fn a_setting_can_be_taken_back() {
        let mut settings = Settings::default();
        for (on, off) in [
            (&b"line-max=64k"[..], &b"line-max=off"[..]),
            (b"max-age=30d", b"max-age=off"),
            (b"max-total=2g", b"max-total=off"),
            (b"rotate=daily", b"rotate=off"),
            (b"compress=gzip", b"compress=off"),
            (b"level=9", b"level=off"),
            (b"group=4", b"group=off"),
            (b"prefix=web: ", b"prefix="),
            (b"when-full=drop", b"when-full=block"),
            (b"tell-waits=on", b"tell-waits=off"),
            (b"sync=1s", b"sync=rotate"),
            (b"mode=0640", b"mode=0644"),
            (b"dir-mode=2750", b"dir-mode=0700"),
        ] {
            settings.set(on).expect("a setting");
            assert_ne!(settings, Settings::default(), "{}", on.escape_ascii());
            settings.set(off).expect("a setting");
            assert_eq!(settings, Settings::default(), "{}", off.escape_ascii());
        }
        assert_eq!(set(b"prefix=off").prefix, b"off");
        for word in [&b"sync=off"[..], b"mode=off", b"when-full=off", b"stamp=off", b"size=off"] {
            assert!(Settings::default().set(word).is_err(), "{}", word.escape_ascii());
        }
    }

    #[test]
    fn the_form_of_stamps_is_one_of_four() {
        for (word, form) in [("tai64n", Form::Tai64n), ("iso", Form::Iso), ("utc", Form::Utc), ("unix", Form::Unix)] {
            let mut settings = Settings::default();
            let word: &'static str = format!("stamp={word}").leak();
            assert_eq!(settings.set(word.as_bytes()).expect("a setting"), Change::OfStamps);
            assert_eq!(settings.stamp, form);
        }
        assert_eq!(Settings::default().set(b"size=1g").expect("a size"), Change::Size(1 << 30));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let said = |word| Settings::default().set(word).expect_err("no setting").text().to_vec();
        assert_eq!(said(b"max-age"), b"malformed setting :max-age");
        assert_eq!(said(b"size=100"), b"malformed setting :size=100");
        assert_eq!(said(b"mode=0140"), b"malformed setting :mode=0140");
        assert_eq!(said(b"stamp=local"), b"malformed setting :stamp=local");
        assert_eq!(said(b"prefix=a\nb"), b"malformed setting :prefix=a\nb");
        assert_eq!(said(b"line-max=0"), b"malformed setting :line-max=0");
        assert_eq!(said(b"group="), b"malformed setting :group=");
        assert_eq!(said(b"group=-1"), b"malformed setting :group=-1");
        assert_eq!(Settings::default().set(b"group=adm").expect("a name"), Change::GroupOf(b"adm"));
        assert_eq!(said(b"mode=+640"), b"malformed setting :mode=+640");
        assert_eq!(said(b"maxage=30d"), b"unknown setting :maxage=30d");
        assert_eq!(said(b""), b"unknown setting :");
    }

    #[test]
    fn levels_are_those_of_the_method() {
        let agreed = |words: &[&'static [u8]]| {
            let mut settings = Settings::default();
            for word in words {
                settings.set(word).expect("a setting");
            }
            settings.agreed().map(|settings| settings.compress.map(Compress::words)).ok()
        };
        assert_eq!(agreed(&[]), Some(None));
        assert_eq!(agreed(&[b"compress=gzip"]), Some(Some([c"gzip", c"6"])));
        assert_eq!(agreed(&[b"level=9", b"compress=gzip"]), Some(Some([c"gzip", c"9"])));
        assert_eq!(agreed(&[b"compress=zstd"]), Some(Some([c"zstd", c"3"])));
        assert_eq!(agreed(&[b"compress=zstd", b"level=1"]), Some(Some([c"zstd", c"1"])));
        assert_eq!(agreed(&[b"compress=zstd", b"compress=none", b"level=7"]), Some(None));
        assert_eq!(agreed(&[b"compress=gzip", b"level=10"]), None);
        assert_eq!(agreed(&[b"compress=zstd", b"level=0"]), None);
    }
}
