//! Start, stop, restart and the like: sends the commands and follows each service until it is where it should be.

use std::time::Duration;

use daemontools_program::clock::time_of_day;
use daemontools_program::failure::{Failure, Outcome};
use daemontools_program::printable::printable;
use daemontools_service::report::{Condition, ServiceReport};
use daemontools_service::service_dir::ServiceDir;

use crate::event_loop::{Moment, Task, Tasks};
use crate::job::{Job, Look, NO_SUPERVISE, Verdict};
use crate::names::Named;
use crate::options::{Act, Options};
use crate::settings::Places;

/// How long a service may take if neither its settings nor an option say so.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How much longer than its setting a service may take.
const MARGIN: Duration = Duration::from_secs(10);

/// A service on its way.
pub struct Acting {
    dir: ServiceDir,
    job: Job,
    /// Its state at the last look.
    state: &'static str,
}

impl Task for Acting {
    fn look(&mut self, moment: Moment) -> Verdict {
        let report = ServiceReport::look(&self.dir, moment.now);
        self.state = report.state().word();
        self.job.step(Look { report: &report, now: moment.now, clock: moment.clock })
    }

    fn state(&self) -> String {
        self.state.into()
    }
}

/// Brings the services into the state that `act` wants.
pub fn act(act: Act, services: &[Named], options: &Options) -> Outcome {
    let mut tasks = Tasks::new(options)?;
    for named in services {
        tasks.watch(named.path.to_bytes());
        match begin(act, named) {
            Ok(acting) if options.wait => {
                let patience = options.timeout.unwrap_or_else(|| patience(act, named));
                tasks.add(named, patience, acting);
            }
            Ok(_) => {}
            Err(reason) => tasks.refuse(named, &reason)?,
        }
    }
    tasks.wait()
}

/// Sends the commands of one job. The error is what to say about the service.
pub fn begin(act: Act, named: &Named) -> Result<Acting, String> {
    let dir = open(named)?;
    let report = ServiceReport::look(&dir, time_of_day());
    let job = Job::new(act, &report);
    // A supervise that has only begun takes commands, but what the service was before is not known.
    let is_known = report.condition != Condition::Unsupervised;
    let commands = if is_known { job.commands() } else { b"" };
    dir.send(commands).map_err(|error| text(&error.in_dir(&named.name)))?;
    if !is_known {
        return Err(NO_SUPERVISE.into());
    }
    Ok(Acting { dir, job, state: report.state().word() })
}

/// The directory of a service. The error is what to say about the service.
pub fn open(named: &Named) -> Result<ServiceDir, String> {
    ServiceDir::open(&named.path).map_err(|errno| text(&Failure::because([b"unable to chdir"], errno)))
}

/// The words of a failure, for the line about a service.
pub fn text(failure: &Failure) -> String {
    printable(failure.text())
}

/// How long a service may take, by its settings.
pub fn patience(act: Act, named: &Named) -> Duration {
    let (stop, start) = Places::of(named).timeouts();
    let [stop, start] = [stop, start].map(|time| time.map_or(PATIENCE, |time| time + MARGIN));
    match act {
        Act::Start => start,
        Act::Stop => stop,
        Act::Restart => stop + start,
        // It takes as long as it takes.
        Act::Once => Duration::MAX,
        Act::Reload | Act::Pause | Act::Resume => PATIENCE,
    }
}
