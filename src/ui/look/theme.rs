//! Every colour, font and size of the window: light, dark and high contrast. UI thread; nothing else names a colour.
//!
//! Series and states are those of the Okabe-Ito palette, which people with any kind of colour vision tell apart.

use std::sync::{Arc, LazyLock};

use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, RichText, Stroke, Style, TextStyle, vec2,
};
use serde::{Deserialize, Serialize};

use crate::ui::look::surface;

/// The theme that a person chose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// As the desktop says.
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    #[default]
    Dark,
    /// White on black, with strong borders.
    HighContrast,
}

impl ThemeChoice {
    /// All, in the order of the settings.
    pub const ALL: [Self; 4] = [Self::System, Self::Light, Self::Dark, Self::HighContrast];

    /// Its name in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "As the desktop",
            Self::Light => "Light",
            Self::Dark => "Dark",
            Self::HighContrast => "High contrast",
        }
    }
}

/// A surface and the ink that is readable on it.
#[derive(Debug, Clone, Copy)]
pub struct Tone {
    /// A strong colour: of a segment, a dot, an outline.
    pub strong: Color32,
    /// The same colour as text on a pane.
    pub ink: Color32,
    /// A faint surface, for a badge, a banner or a button.
    pub surface: Color32,
}

/// All colours of one theme.
#[derive(Debug)]
pub struct Palette {
    /// Behind the panes.
    pub background: Color32,
    /// Side panels and the top bar.
    pub panel: Color32,
    /// A pane in the centre, and a button at rest.
    pub pane: Color32,
    /// Fields to type in, and empty lanes.
    pub well: Color32,
    /// Lines around and between.
    pub line: Color32,
    /// Text.
    pub text: Color32,
    /// Text of less weight.
    pub weak: Color32,
    /// Text on a segment of the timeline that is filled with a strong colour.
    pub on_strong: Color32,
    /// The selected row.
    pub selected: Color32,
    /// A button under the pointer.
    pub hovered: Color32,
    /// Green: running, held, passed.
    pub green: Tone,
    /// Sky blue: ready, accent, what is selected.
    pub blue: Tone,
    /// Orange: waiting.
    pub orange: Tone,
    /// Purple: stopped.
    pub purple: Tone,
    /// Vermilion: zombie, wrong.
    pub vermilion: Tone,
    /// Red: what ends something for good.
    pub red: Tone,
    /// Grey: sleeping, done.
    pub grey: Tone,
    /// Circuit board.
    pub board: Color32,
    /// A pin that is low or not in use.
    pub pin: Color32,
    /// Ground.
    pub pin_ground: Color32,
    /// Power.
    pub pin_power: Color32,
    /// A line that is high, as fill and ring.
    pub pin_high: Color32,
    /// The name of a line that has an owner.
    pub pin_owner: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const fn tone(strong: u32, ink: u32, surface: u32) -> Tone {
    Tone { strong: rgb(strong), ink: rgb(ink), surface: rgb(surface) }
}

static DARK: Palette = Palette {
    background: rgb(0x14_171c),
    panel: rgb(0x1b_1f26),
    pane: rgb(0x23_2831),
    well: rgb(0x1a_1e25),
    line: rgb(0x2f_3641),
    text: rgb(0xe6_e9ee),
    weak: rgb(0x98_a2b3),
    on_strong: rgb(0xff_ffff),
    selected: rgb(0x26_384a),
    hovered: rgb(0x31_404f),
    green: tone(0x00_9e73, 0x2b_c99b, 0x00_543d),
    blue: tone(0x56_b4e9, 0x56_b4e9, 0x0f_3d57),
    orange: tone(0xe6_9f00, 0xf2_ac14, 0x3a_2f14),
    purple: tone(0xcc_79a7, 0xdd_94bb, 0x47_2b3b),
    vermilion: tone(0xd5_5e00, 0xff_8c3a, 0x43_210d),
    red: tone(0xb4_463c, 0xff_d7d2, 0x4a_1d1d),
    grey: tone(0x4b_5563, 0x98_a2b3, 0x2b_2f36),
    board: rgb(0x0e_3b2c),
    pin: rgb(0x8f_99a8),
    pin_ground: rgb(0x2b_2f36),
    pin_power: rgb(0xd8_b45a),
    pin_high: rgb(0xff_cf33),
    pin_owner: rgb(0xff_cf33),
};

static LIGHT: Palette = Palette {
    background: rgb(0xe9_ecf1),
    panel: rgb(0xf6_f7f9),
    pane: rgb(0xff_ffff),
    well: rgb(0xee_f1f5),
    line: rgb(0xc9_d0da),
    text: rgb(0x17_1b21),
    weak: rgb(0x50_5b6b),
    on_strong: rgb(0x0b_0d10),
    selected: rgb(0xcd_e3f5),
    hovered: rgb(0xe0_e8f1),
    green: tone(0x14_ab80, 0x00_6348, 0xd0_f0e4),
    blue: tone(0x56_b4e9, 0x0a_5a8f, 0xd8_ecf9),
    orange: tone(0xe6_9f00, 0x85_5600, 0xfb_eccb),
    purple: tone(0xd6_8bb5, 0x8f_3a6b, 0xf7_e1ee),
    vermilion: tone(0xe8_702a, 0xa0_3f00, 0xfc_e3d3),
    red: tone(0xc4_5a50, 0x8a_1c14, 0xfb_dfdc),
    grey: tone(0xb9_c1cc, 0x50_5b6b, 0xe6_e9ee),
    board: rgb(0x1f_7a5a),
    pin: rgb(0xb4_bdca),
    pin_ground: rgb(0x23_2831),
    pin_power: rgb(0xe8_c468),
    pin_high: rgb(0xff_d84d),
    pin_owner: rgb(0x7a_5200),
};

static HIGH_CONTRAST: Palette = Palette {
    background: rgb(0x00_0000),
    panel: rgb(0x00_0000),
    pane: rgb(0x0a_0a0a),
    well: rgb(0x00_0000),
    line: rgb(0xa8_b0bc),
    text: rgb(0xff_ffff),
    weak: rgb(0xdd_e2ea),
    on_strong: rgb(0x00_0000),
    selected: rgb(0x00_3f78),
    hovered: rgb(0x3a_3a3a),
    green: tone(0x2b_d9a6, 0x4d_f0c0, 0x00_3b2a),
    blue: tone(0x7c_ccff, 0x8f_d4ff, 0x00_2f52),
    orange: tone(0xff_b81c, 0xff_c84d, 0x3d_2a00),
    purple: tone(0xf0_9aca, 0xff_b0da, 0x48_1d36),
    vermilion: tone(0xff_8533, 0xff_a05c, 0x4a_1e00),
    red: tone(0xff_7a6e, 0xff_d7d2, 0x5c_0f0a),
    grey: tone(0x8a_929e, 0xe1_e5ea, 0x2a_2a2a),
    board: rgb(0x00_3b24),
    pin: rgb(0xc8_ced8),
    pin_ground: rgb(0x20_2020),
    pin_power: rgb(0xff_d06b),
    pin_high: rgb(0xff_e14d),
    pin_owner: rgb(0xff_e14d),
};

/// The colours that this part of the window is drawn in.
pub fn palette(ui: &egui::Ui) -> &'static Palette {
    palette_of(ui.visuals())
}

/// The colours of these visuals.
pub fn palette_of(visuals: &egui::Visuals) -> &'static Palette {
    if !visuals.dark_mode {
        &LIGHT
    } else if visuals.panel_fill == HIGH_CONTRAST.panel {
        &HIGH_CONTRAST
    } else {
        &DARK
    }
}

impl Palette {
    /// The colour of one of several series, such as a core.
    pub fn series(&self, index: usize) -> Tone {
        [self.blue, self.orange, self.green, self.purple, self.vermilion, self.grey][index % 6]
    }
}

/// Black or white, whichever is read better on a strong colour.
pub fn ink_on(fill: Color32) -> Color32 {
    let [r, g, b, _] = fill.to_array().map(f32::from);
    if 0.299 * r + 0.587 * g + 0.114 * b > 125.0 { Color32::BLACK } else { Color32::WHITE }
}

/// WCAG 2's contrast ratio of two colours: 1 to 21.
fn contrast(a: Color32, b: Color32) -> f32 {
    let luminance = |color: Color32| {
        let channel = |value: u8| {
            let value = f32::from(value) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
    };
    let (high, low) = (luminance(a).max(luminance(b)), luminance(a).min(luminance(b)));
    (high + 0.05) / (low + 0.05)
}

/// The same hue, as far from a surface as text must be to be read there.
pub fn readable(ink: Color32, surface: Color32) -> Color32 {
    let goal = ink_on(surface);
    let mixed = (0..=20_u8).map(|step| ink.lerp_to_gamma(goal, f32::from(step) / 20.0));
    mixed.into_iter().find(|ink| contrast(*ink, surface) >= 4.5).unwrap_or(goal)
}

/// Applies a choice to the whole window.
pub fn apply(ctx: &egui::Context, choice: ThemeChoice, is_touch: bool) {
    let dark = if choice == ThemeChoice::HighContrast { &HIGH_CONTRAST } else { &DARK };
    // A cursor that blinks costs two frames a second for as long as a field has the keyboard.
    let blinks = !surface::processor_draws(ctx);
    for (theme, palette) in [(egui::Theme::Dark, dark), (egui::Theme::Light, &LIGHT)] {
        let mut style = style(palette, theme == egui::Theme::Dark, is_touch);
        style.visuals.text_cursor.blink = blinks;
        ctx.set_style_of(theme, style);
    }
    ctx.set_theme(match choice {
        ThemeChoice::System => egui::ThemePreference::System,
        ThemeChoice::Light => egui::ThemePreference::Light,
        ThemeChoice::Dark | ThemeChoice::HighContrast => egui::ThemePreference::Dark,
    });
}

/// The height of what a finger is to hit.
const FINGER: f32 = 36.0;

/// Whether the window is used with fingers.
pub fn is_touch(ui: &egui::Ui) -> bool {
    ui.style().interaction.interact_radius > 8.0
}

fn style(p: &Palette, is_dark: bool, is_touch: bool) -> Style {
    let mut visuals = if is_dark { egui::Visuals::dark() } else { egui::Visuals::light() };
    visuals.panel_fill = p.panel;
    visuals.window_fill = p.panel;
    visuals.window_stroke = Stroke::new(1.0, p.line);
    visuals.window_corner_radius = CornerRadius::same(6);
    visuals.menu_corner_radius = CornerRadius::same(6);
    visuals.extreme_bg_color = p.well;
    visuals.text_edit_bg_color = Some(p.well);
    visuals.code_bg_color = p.well;
    visuals.faint_bg_color = p.well;
    visuals.weak_text_color = Some(p.weak);
    visuals.hyperlink_color = p.blue.ink;
    visuals.warn_fg_color = p.orange.ink;
    visuals.error_fg_color = p.vermilion.ink;
    visuals.selection.bg_fill = p.selected;
    visuals.selection.stroke = Stroke::new(1.0, p.blue.ink);
    visuals.slider_trailing_fill = true;
    visuals.indent_has_left_vline = false;
    let text = Stroke::new(1.0, p.text);
    let widgets = &mut visuals.widgets;
    for (state, fill, border) in [
        (&mut widgets.noninteractive, p.panel, p.line),
        (&mut widgets.inactive, p.pane, p.line),
        (&mut widgets.hovered, p.hovered, p.weak),
        (&mut widgets.active, p.selected, p.blue.strong),
        (&mut widgets.open, p.hovered, p.line),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, border);
        state.fg_stroke = text;
        state.corner_radius = CornerRadius::same(5);
        state.expansion = 0.0;
    }
    // A slider's rail and a checkbox must show on any surface.
    widgets.inactive.bg_fill = p.grey.strong;
    let mut style = Style { visuals, ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(10.5)),
        (TextStyle::Body, FontId::proportional(12.5)),
        (TextStyle::Button, FontId::proportional(12.0)),
        (TextStyle::Monospace, FontId::monospace(12.0)),
        (TextStyle::Heading, FontId::new(15.0, bold_family())),
    ]
    .into();
    style.spacing.item_spacing = vec2(6.0, 4.0);
    style.spacing.button_padding = vec2(8.0, 4.0);
    style.spacing.interact_size = vec2(32.0, 24.0);
    style.spacing.window_margin = Margin::same(12);
    style.spacing.scroll = egui::style::ScrollStyle::thin();
    style.spacing.tooltip_width = 360.0;
    style.interaction.tooltip_delay = 0.3;
    if is_touch {
        style.spacing.item_spacing = vec2(8.0, 7.0);
        style.spacing.button_padding = vec2(11.0, 8.0);
        style.spacing.interact_size = vec2(40.0, FINGER);
        style.spacing.icon_width = 22.0;
        style.spacing.scroll = egui::style::ScrollStyle::solid();
        // A finger is wider than a pointer.
        style.interaction.interact_radius = 12.0;
    }
    style
}

fn bold_family() -> FontFamily {
    static BOLD: LazyLock<FontFamily> = LazyLock::new(|| FontFamily::Name("bold".into()));
    BOLD.clone()
}

/// The bold font at a size.
pub fn bold_font(size: f32) -> FontId {
    FontId::new(size, bold_family())
}

/// Bold text.
pub fn bold(text: impl Into<String>) -> RichText {
    RichText::new(text).family(bold_family())
}

/// The small capitals above a group: `SELECTED`.
pub fn caption(ui: &egui::Ui, text: &str) -> RichText {
    bold(text.to_uppercase()).size(10.0).color(palette(ui).weak)
}

/// Fonts of the desktop that are read better than the bundled light one; each is optional.
#[derive(Debug, Default)]
pub struct DesktopFonts {
    regular: Option<Vec<u8>>,
    bold: Option<Vec<u8>>,
    mono: Option<Vec<u8>>,
}

impl DesktopFonts {
    /// Reads what is there. Does file I/O: before the window opens, never in a frame.
    pub fn load() -> Self {
        let read = |name: &str| std::fs::read(std::path::Path::new("/usr/share/fonts/truetype/dejavu").join(name)).ok();
        Self { regular: read("DejaVuSans.ttf"), bold: read("DejaVuSans-Bold.ttf"), mono: read("DejaVuSansMono.ttf") }
    }

    /// Makes them the window's fonts, before the bundled ones, which stay as the fallback for symbols.
    pub fn install(self, ctx: &egui::Context) {
        let mut fonts = FontDefinitions::default();
        let mono = fonts.families.get(&FontFamily::Monospace).cloned().unwrap_or_default();
        let fallback = fonts.families.entry(FontFamily::Proportional).or_default();
        // The monospace font has arrows and geometric signs that the proportional one lacks.
        let missing: Vec<_> = mono.into_iter().filter(|name| !fallback.contains(name)).collect();
        fallback.extend(missing);
        let fallback = fallback.clone();
        fonts.families.insert(bold_family(), fallback);
        for (name, bytes, family) in [
            ("desktop", self.regular, FontFamily::Proportional),
            ("desktop-bold", self.bold, bold_family()),
            ("desktop-mono", self.mono, FontFamily::Monospace),
        ] {
            if let Some(bytes) = bytes {
                fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_owned(bytes)));
                fonts.families.entry(family).or_default().insert(0, name.to_owned());
            }
        }
        ctx.set_fonts(fonts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_be_read_on_every_surface_of_every_theme() {
        for (name, p) in [("dark", &DARK), ("light", &LIGHT), ("high contrast", &HIGH_CONTRAST)] {
            for (what, ink, surface) in [
                ("text on pane", p.text, p.pane),
                ("text on panel", p.text, p.panel),
                ("text on selection", p.text, p.selected),
                ("weak on pane", p.weak, p.pane),
                ("weak on panel", p.weak, p.panel),
                ("owner", p.pin_owner, p.panel),
                ("number on the board", ink_on(p.board), p.board),
                ("green", p.green.ink, p.pane),
                ("blue", p.blue.ink, p.pane),
                ("orange", p.orange.ink, p.pane),
                ("purple", p.purple.ink, p.pane),
                ("vermilion", p.vermilion.ink, p.pane),
                ("red on its button", p.red.ink, p.red.surface),
                ("text on the start button", p.text, p.green.surface),
            ] {
                assert!(contrast(ink, surface) >= 4.5, "{name}: {what} has only {:.1}", contrast(ink, surface));
            }
        }
    }

    #[test]
    fn a_pale_ink_becomes_one_that_can_be_read_and_a_good_one_stays() {
        let pale = rgb(0xb0_8c_f7);
        assert!(contrast(pale, LIGHT.pane) < 4.5 && contrast(readable(pale, LIGHT.pane), LIGHT.pane) >= 4.5);
        assert_eq!(readable(DARK.text, DARK.pane), DARK.text);
    }

    #[test]
    fn the_palette_follows_the_choice() {
        let ctx = egui::Context::default();
        for (choice, expected) in
            [(ThemeChoice::Light, &LIGHT), (ThemeChoice::Dark, &DARK), (ThemeChoice::HighContrast, &HIGH_CONTRAST)]
        {
            apply(&ctx, choice, false);
            let theme = if choice == ThemeChoice::Light { egui::Theme::Light } else { egui::Theme::Dark };
            assert_eq!(palette_of(&ctx.style_of(theme).visuals).background, expected.background);
        }
    }
}
