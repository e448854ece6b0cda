//! Task Lab: launch, watch and steer real threads and processes. `ARCHITECTURE.md` is the map.

pub mod engine;
pub mod model;
pub mod scenario;
#[cfg(feature = "gui")]
pub mod ui;
