//! Calls for the window alone: OpenGL, and how memory is kept.

mod gl;
mod memory;

pub use gl::{fill_scissor, renderer_of};
pub use memory::keep_freed_memory;
