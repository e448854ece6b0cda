//! The axis of time. Pure.

/// Seconds to points and back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) left: f32,
    pub(crate) right: f32,
}

impl Scale {
    pub(crate) fn x(self, t: f64) -> f32 {
        self.left + ((t - self.from) / (self.to - self.from) * f64::from(self.right - self.left)) as f32
    }

    pub(crate) fn per_point(self) -> f64 {
        (self.to - self.from) / f64::from((self.right - self.left).max(1.0))
    }
}
