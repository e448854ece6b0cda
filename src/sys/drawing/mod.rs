//! What the window needs of the system to draw: calls of OpenGL, and how freed memory is kept.

mod gl;
mod memory;

pub use gl::{fill_scissor, renderer_of};
pub use memory::keep_freed_memory;
