//! The readers together, as the engine has them.

use std::io;

use crate::engine::drive::bell::Bell;
use crate::engine::drive::readers::reasons::ReasonReader;
use crate::engine::drive::readers::sampler::Sampler;
use crate::engine::drive::readers::switches::Switches;
use crate::model::Pid;

/// Dropping them ends their threads.
#[derive(Debug)]
pub(crate) struct Readers {
    pub(crate) sampler: Sampler,
    pub(crate) reasons: ReasonReader,
    pub(crate) switches: Switches,
}

impl Readers {
    /// Starts the threads that are always there. `root` is the supervisor.
    pub(crate) fn start(root: Pid, bell: &Bell) -> io::Result<Self> {
        Ok(Self {
            sampler: Sampler::start(root, bell.clone())?,
            reasons: ReasonReader::start(bell.clone())?,
            switches: Switches::new(bell.clone()),
        })
    }
}
