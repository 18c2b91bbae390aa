//! Which problems of settings have been reported, so that each warning comes once, and again when its file has changed.

use daemontools_core::settings::Setting;
use daemontools_sys::heap::try_reserve;
use nix::sys::stat::FileStat;

use crate::config::Place;

/// The warnings of the last reading and of the one that is under way, each as a number that changes with its file. On the
/// heap, since most services have none.
pub struct Warnings {
    before: Vec<u64>,
    now: Vec<u64>,
}

impl Warnings {
    /// No warnings.
    pub fn none() -> Warnings {
        Warnings { before: Vec::new(), now: Vec::new() }
    }

    /// All is well, or there are no settings.
    pub fn forget(&mut self) {
        self.before.clear();
    }

    /// A reading begins.
    pub fn begin(&mut self) {
        self.now.clear();
    }

    /// A reading is over.
    pub fn end(&mut self) {
        std::mem::swap(&mut self.before, &mut self.now);
    }

    /// Notes a warning; whether it is new.
    pub fn is_new(&mut self, place: Place, setting: Option<Setting>, found: Option<&FileStat>) -> bool {
        let file = found
            .map_or([0; 4], |found| [found.st_dev, found.st_ino, found.st_ctime as u64, found.st_ctime_nsec as u64]);
        let name = setting.map_or(0, |setting| setting as u64 + 1) * 2 + u64::from(place == Place::Tree);
        // FNV-1a over 64-bit words; never 0, which is nobody's.
        let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3);
        let warning = file.into_iter().fold(mix(0xcbf2_9ce4_8422_2325, name), mix) | 1;
        // Without memory for it, it is given again.
        if try_reserve(&mut self.now, 1) {
            self.now.push(warning);
        }
        !self.before.contains(&warning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_new_once_and_again_after_a_reading_without_it() {
        let mut warnings = Warnings::none();
        let mut reading = |settings: &[Setting]| {
            warnings.begin();
            let new: Vec<bool> = settings.iter().map(|one| warnings.is_new(Place::Service, Some(*one), None)).collect();
            warnings.end();
            new
        };
        assert_eq!(reading(&[Setting::Stop]), [true]);
        assert_eq!(reading(&[Setting::Stop, Setting::Check]), [false, true]);
        assert_eq!(reading(&[Setting::Check]), [false]);
        assert_eq!(reading(&[Setting::Stop]), [true]);
        assert!(warnings.is_new(Place::Tree, Some(Setting::Stop), None), "another place");
    }
}
