//! The settings of multilog, words that begin with a colon: those that it does not understand keep it from starting.

/// A setting, and which values it can have.
struct Setting {
    /// What comes before the value.
    name: &'static str,
    /// Words that are a value.
    words: &'static [&'static str],
    /// What else is one.
    value: Value,
    /// The setting as it could be.
    example: &'static str,
}

/// What can be the value of a setting.
#[derive(Clone, Copy)]
enum Value {
    /// Nothing but its words.
    Word,
    /// A number of bytes, at least so many, with `k`, `m` or `g`.
    Size(u64),
    /// A number with `s`, `m`, `h`, `d` or `w`.
    Time,
    /// A number from 1 to 9.
    Level,
    /// An octal mode: all bits that it can have, and those that it must have.
    Mode(u32, u32),
    /// A name or a number.
    Group,
    /// Anything.
    Text,
}

const fn setting(name: &'static str, words: &'static [&'static str], value: Value, example: &'static str) -> Setting {
    Setting { name, words, value, example }
}

/// multilog(8).
const SETTINGS: &[Setting] = &[
    setting(":size=", &[], Value::Size(4096), ":size=64m"),
    setting(":max-age=", &["off"], Value::Time, ":max-age=30d"),
    setting(":max-total=", &["off"], Value::Size(0), ":max-total=2g"),
    setting(":rotate=", &["hourly", "daily", "weekly", "off"], Value::Time, ":rotate=24h"),
    setting(":stamp=", &["tai64n", "iso", "utc", "unix"], Value::Word, ":stamp=iso"),
    setting(":prefix=", &[], Value::Text, ":prefix=web"),
    setting(":line-max=", &["off"], Value::Size(1), ":line-max=64k"),
    setting(":compress=", &["zstd", "gzip", "none", "off"], Value::Word, ":compress=zstd"),
    setting(":level=", &["off"], Value::Level, ":level=6"),
    setting(":when-full=", &["block", "drop"], Value::Word, ":when-full=drop"),
    setting(":tell-waits=", &["on", "off"], Value::Word, ":tell-waits=on"),
    setting(":sync=", &["always", "rotate"], Value::Time, ":sync=1s"),
    setting(":mode=", &[], Value::Mode(0o777, 0o600), ":mode=0640"),
    setting(":dir-mode=", &[], Value::Mode(0o7777, 0o700), ":dir-mode=2750"),
    setting(":group=", &[], Value::Group, ":group=adm"),
];

/// What keeps multilog from starting with this word: what is wrong, what to do. `stamped`: the first action is `t`.
pub fn wrong(text: &str, stamped: bool) -> Option<(String, String)> {
    let Some((setting, value)) = SETTINGS.iter().find_map(|setting| Some((setting, text.strip_prefix(setting.name)?)))
    else {
        let what = format!("multilog does not know the setting {text}, and does not start");
        return Some((what, format!("write one of {}", names())));
    };
    if !setting.allows(value) {
        let what = format!("multilog does not understand the value of {text}, and does not start");
        return Some((what, format!("write it as in {}", setting.example)));
    }
    (setting.name == ":stamp=" && !stamped).then(|| {
        let what = format!("multilog does not start with {text}, since lines have no stamps");
        (what, "write t as the first action".into())
    })
}

/// What the settings are called.
pub fn names() -> String {
    SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>().join(" ")
}

impl Setting {
    fn allows(&self, value: &str) -> bool {
        self.words.contains(&value)
            || match self.value {
                Value::Word => false,
                Value::Size(least) => size(value).is_some_and(|bytes| bytes >= least),
                Value::Time => {
                    value.strip_suffix(['s', 'm', 'h', 'd', 'w']).and_then(number).is_some_and(|count| count > 0)
                }
                Value::Level => number(value).is_some_and(|level| (1..=9).contains(&level)),
                Value::Mode(most, least) => octal(value).is_some_and(|mode| mode & !most == 0 && mode & least == least),
                Value::Group => !value.is_empty() && !value.starts_with('-'),
                Value::Text => !value.contains('\n'),
            }
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn size(text: &str) -> Option<u64> {
    let units = [('k', 1 << 10), ('m', 1 << 20), ('g', 1 << 30)];
    let with_unit = units.into_iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
    let (digits, unit) = with_unit.unwrap_or((text, 1));
    number(digits)?.checked_mul(unit)
}

fn octal(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| u32::from_str_radix(text, 8).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_that_multilog_understands() {
        for text in [
            ":size=4k",
            ":size=4096",
            ":size=1g",
            ":max-age=1s",
            ":max-total=0",
            ":rotate=daily",
            ":rotate=90m",
            ":stamp=unix",
            ":prefix=",
            ":prefix=a=b",
            ":line-max=1",
            ":compress=none",
            ":level=9",
            ":sync=always",
            ":sync=2s",
            ":mode=640",
            ":dir-mode=0700",
            ":group=4",
            ":group=adm",
            ":max-age=off",
            ":max-total=off",
            ":rotate=off",
            ":line-max=off",
            ":compress=off",
            ":level=off",
            ":group=off",
        ] {
            assert_eq!(wrong(text, true), None, "{text}");
        }
        for (text, example) in [
            (":size=4095", ":size=64m"),
            (":size=3k", ":size=64m"),
            (":size=10M", ":size=64m"),
            (":max-age=30", ":max-age=30d"),
            (":max-age=0d", ":max-age=30d"),
            (":max-age=", ":max-age=30d"),
            (":rotate=monthly", ":rotate=24h"),
            (":stamp=local", ":stamp=iso"),
            (":line-max=0", ":line-max=64k"),
            (":compress=xz", ":compress=zstd"),
            (":level=0", ":level=6"),
            (":sync=never", ":sync=1s"),
            (":sync=off", ":sync=1s"),
            (":size=off", ":size=64m"),
            (":mode=0140", ":mode=0640"),
            (":mode=+640", ":mode=0640"),
            (":dir-mode=17000", ":dir-mode=2750"),
            (":group=", ":group=adm"),
        ] {
            let what = format!("multilog does not understand the value of {text}, and does not start");
            assert_eq!(wrong(text, true), Some((what, format!("write it as in {example}"))));
        }
    }

    #[test]
    fn every_example_is_right() {
        for setting in SETTINGS {
            assert_eq!(wrong(setting.example, true), None);
        }
    }
}
