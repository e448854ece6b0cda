//! Task Lab: launch, watch and steer real threads and processes. `ARCHITECTURE.md` is the map.

pub mod cli;
pub mod engine;
pub mod gpio;
pub mod model;
pub mod monitor;
pub mod scenario;
pub mod schedule;
pub mod supervisor;
pub mod sys;
#[cfg(feature = "gui")]
pub mod ui;
