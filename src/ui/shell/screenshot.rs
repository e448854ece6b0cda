//! A picture of the window, made by the window itself. UI thread; writes one file, then closes the window.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use egui::{ColorImage, Context, ViewportCommand};

use crate::engine::write_whole;

/// The outcome of a picture: `None` before it was made.
pub(crate) type Outcome = Arc<Mutex<Option<io::Result<()>>>>;

/// A picture that is to be made.
#[derive(Debug)]
pub(crate) struct Screenshot {
    path: PathBuf,
    due: Instant,
    is_asked_for: bool,
    outcome: Outcome,
}

impl Screenshot {
    /// To be written to `path` after this time.
    pub(crate) fn new(path: PathBuf, after: Duration) -> Self {
        Self { path, due: Instant::now() + after, is_asked_for: false, outcome: Outcome::default() }
    }

    /// The place of its outcome.
    pub(crate) fn outcome(&self) -> Outcome {
        Arc::clone(&self.outcome)
    }

    /// Asks for the picture when it is time; wakes the window for that.
    pub(crate) fn take_when_due(&mut self, ctx: &Context) {
        if self.is_asked_for {
            return;
        }
        let left = self.due.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            ctx.request_repaint_after(left);
            return;
        }
        self.is_asked_for = true;
        let (path, outcome, window) = (self.path.clone(), self.outcome(), ctx.clone());
        ctx.request_screenshot(move |image| {
            let result = write_png(&path, &image);
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            window.send_viewport_cmd(ViewportCommand::Close);
        });
    }
}

fn write_png(path: &Path, image: &ColorImage) -> io::Result<()> {
    let [width, height] = image.size.map(|side| side as u32);
    let bytes: Vec<u8> = image.pixels.iter().flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]).collect();
    write_whole(path, |file| {
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        Ok(writer.finish()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_a_png_of_its_size() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("window.png");
        write_png(&path, &ColorImage::filled([8, 4], egui::Color32::RED)).expect("written");
        let decoder = png::Decoder::new(io::BufReader::new(std::fs::File::open(&path).expect("there")));
        let reader = decoder.read_info().expect("a PNG");
        assert_eq!((reader.info().width, reader.info().height), (8, 4));
        assert!(write_png(&folder.path().join("no/such/folder.png"), &ColorImage::filled([1, 1], egui::Color32::RED)).is_err());
    }
}
