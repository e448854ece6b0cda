//! Two calls of OpenGL for the window: what draws it, and a fill that costs next to nothing. On the thread whose current context it is.

use glow::HasContext;

/// The name of what draws: a GPU's, or that of a program which draws with the processor.
pub fn renderer_of(gl: &glow::Context) -> String {
    // SAFETY: the functions of a `glow::Context` are those of the context that it was loaded from, which is current on the thread that
    // draws. RENDERER is one of the names that glGetString takes.
    unsafe { gl.get_parameter_string(glow::RENDERER) }
}

/// Fills the area that the scissor test leaves with a colour (red, green, blue, from 0 to 1). It is not blended, and no shader runs for it.
pub fn fill_scissor(gl: &glow::Context, [red, green, blue]: [f32; 3]) {
    // SAFETY: as above. Both calls take any number, and write to the bound framebuffer alone.
    unsafe {
        gl.clear_color(red, green, blue, 1.0);
        gl.clear(glow::COLOR_BUFFER_BIT);
    }
}
