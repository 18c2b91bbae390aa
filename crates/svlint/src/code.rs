//! The codes of all checks (`SL001` …), and how grave each finding is. svlint(8) has a paragraph for each; a code, once
//! given, keeps its meaning.

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, until the day on which it does not.
    Warning,
    /// It does not work.
    Error,
}

/// What was found. The order is that of the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// There is no `run`.
    RunMissing,
    /// It is not executable.
    RunNotExecutable,
    /// It does not begin with `#!`.
    NoInterpreterLine,
    /// Its lines end with carriage returns.
    CarriageReturn,
    /// The interpreter is not there.
    InterpreterMissing,
    /// The last command runs under the shell.
    NoExec,
    /// A flag or `&` sends it into the background.
    DaemonizeFlag,
    /// It goes into the background, because no flag keeps it in the foreground.
    ForegroundFlagMissing,
    /// The logger does not get what goes to standard error.
    ErrorsNotLogged,
    /// The log directory is not there and cannot be made.
    LogDirectoryMissing,
    /// The log directory cannot be written.
    LogDirectoryNotWritable,
    /// There is no such account.
    AccountUnknown,
    /// Two loggers write to one directory.
    LogDirectoryShared,
    /// A service has two names.
    LinkedTwice,
    /// `log` is no directory.
    LogNotDirectory,
    /// svscan does not look at this name.
    NameSkipped,
    /// A link leads nowhere.
    LinkBroken,
    /// A file `down` of a service that is up, or of a logger.
    DownLeftBehind,
    /// The service is started again and again right now.
    Restarting,
    /// Every account may change what runs as another one.
    WritableByAll,
    /// A character looks like a blank, a hyphen or a quote, and is none.
    Lookalike,
    /// A program is not there.
    ProgramMissing,
    /// multilog ignores one of its words.
    ActionIgnored,
    /// supervise does not use a file in `supervise.d`.
    SettingUnused,
    /// A file of another supervisor beside `run`.
    ForeignFile,
    /// The logger does not read, or cannot write.
    LoggerBlocked,
    /// The logger is down while its service runs.
    LoggerDown,
    /// No supervise runs, though the tree has some.
    Unsupervised,
    /// The process is stopped.
    Paused,
    /// The service was told to go down and is there.
    StillThere,
    /// The service was given up.
    GivenUp,
    /// How a service is cannot be found out.
    StateUnknown,
    /// A script calls a program of another supervisor.
    ForeignCommand,
}

impl Code {
    /// Every code, in order.
    pub const ALL: [Code; 33] = [
        Code::RunMissing,
        Code::RunNotExecutable,
        Code::NoInterpreterLine,
        Code::CarriageReturn,
        Code::InterpreterMissing,
        Code::NoExec,
        Code::DaemonizeFlag,
        Code::ForegroundFlagMissing,
        Code::ErrorsNotLogged,
        Code::LogDirectoryMissing,
        Code::LogDirectoryNotWritable,
        Code::AccountUnknown,
        Code::LogDirectoryShared,
        Code::LinkedTwice,
        Code::LogNotDirectory,
        Code::NameSkipped,
        Code::LinkBroken,
        Code::DownLeftBehind,
        Code::Restarting,
        Code::WritableByAll,
        Code::Lookalike,
        Code::ProgramMissing,
        Code::ActionIgnored,
        Code::SettingUnused,
        Code::ForeignFile,
        Code::LoggerBlocked,
        Code::LoggerDown,
        Code::Unsupervised,
        Code::Paused,
        Code::StillThere,
        Code::GivenUp,
        Code::StateUnknown,
        Code::ForeignCommand,
    ];

    /// `SL001` and so on.
    pub fn name(self) -> String {
        let place = Code::ALL.iter().position(|&code| code == self).unwrap_or_default();
        format!("SL{:03}", place + 1)
    }

    /// How grave it is.
    pub fn severity(self) -> Severity {
        match self {
            Code::RunMissing
            | Code::RunNotExecutable
            | Code::NoInterpreterLine
            | Code::CarriageReturn
            | Code::InterpreterMissing
            | Code::DaemonizeFlag
            | Code::LogDirectoryMissing
            | Code::LogDirectoryNotWritable
            | Code::AccountUnknown
            | Code::LogDirectoryShared
            | Code::LogNotDirectory
            | Code::Restarting
            | Code::Lookalike
            | Code::ProgramMissing
            | Code::LoggerBlocked
            | Code::Unsupervised
            | Code::GivenUp
            | Code::StateUnknown => Severity::Error,
            Code::NoExec
            | Code::ForegroundFlagMissing
            | Code::ErrorsNotLogged
            | Code::LinkedTwice
            | Code::NameSkipped
            | Code::LinkBroken
            | Code::DownLeftBehind
            | Code::WritableByAll
            | Code::ActionIgnored
            | Code::SettingUnused
            | Code::ForeignFile
            | Code::LoggerDown
            | Code::Paused
            | Code::StillThere
            | Code::ForeignCommand => Severity::Warning,
        }
    }

    /// Whether a service with this finding about its `run` cannot start, so that this is why it is started again and again.
    pub fn prevents_start(self) -> bool {
        use Code::*;
        match self {
            RunMissing
            | RunNotExecutable
            | NoInterpreterLine
            | CarriageReturn
            | InterpreterMissing
            | LogDirectoryMissing
            | LogDirectoryNotWritable
            | AccountUnknown
            | Lookalike
            | ProgramMissing => true,
            NoExec
            | DaemonizeFlag
            | ForegroundFlagMissing
            | ErrorsNotLogged
            | LogDirectoryShared
            | LinkedTwice
            | LogNotDirectory
            | NameSkipped
            | LinkBroken
            | DownLeftBehind
            | Restarting
            | WritableByAll
            | ActionIgnored
            | SettingUnused
            | ForeignFile
            | LoggerBlocked
            | LoggerDown
            | Unsupervised
            | Paused
            | StillThere
            | GivenUp
            | StateUnknown
            | ForeignCommand => false,
        }
    }
}

impl Severity {
    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_numbers_in_order() {
        assert_eq!(Code::RunMissing.name(), "SL001");
        assert_eq!(Code::ActionIgnored.name(), "SL023");
        assert!(Code::ALL.is_sorted());
    }

    #[test]
    fn each_code_has_its_paragraph_in_the_manual() {
        let manual = include_str!("../svlint.8");
        for code in Code::ALL {
            let head = format!(".It {} Pq {}\n", code.name(), code.severity().word());
            assert!(manual.contains(&head), "{head}");
        }
    }
}
