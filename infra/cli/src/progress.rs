//! How far long work is, as bars on the terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Whether progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// As bars on the terminal.
    Shown,
    /// Not at all.
    Hidden,
}

impl Progress {
    /// Hidden beside JSON, which a program reads.
    pub const fn beside(json: bool) -> Self {
        if json { Self::Hidden } else { Self::Shown }
    }

    /// A bar for so many of something.
    pub fn bar(self, length: u64, doing: &'static str, of: &str) -> ProgressBar {
        let bar = ProgressBar::new(length).with_message(doing);
        if self == Self::Hidden {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        } else if bar.is_hidden() {
            // Where nobody looks at a terminal, bars are not drawn, and a line tells what is going on.
            eprintln!("{doing}: {length} {of}");
        }
        let style = ProgressStyle::with_template(&format!("{{msg:8}} {{wide_bar}} {{pos}}/{{len}} {of}"));
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }
}
