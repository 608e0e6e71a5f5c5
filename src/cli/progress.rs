//! Progress on standard error for work that takes longer than a second; nothing where that is no terminal.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// All that is shown: several series train at a time, each with a line of its own.
static SHOWN: LazyLock<MultiProgress> = LazyLock::new(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));

/// A bar over `total` pieces of work. It shows itself after a second.
pub(super) fn bar(what: &'static str, total: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
    show_later(bar, what, "{msg} {wide_bar} {pos}/{len} {eta}")
}

/// The epochs of a training. It shows itself after a second.
pub(super) fn epochs(what: String, total: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
    show_later(bar.with_prefix("starting"), what, "{msg} {wide_bar} {pos}/{len} epochs, {prefix}, {eta} left")
}

/// A sign of life for work of unknown length. It shows itself after a second.
pub(super) fn spinner(what: &'static str) -> ProgressBar {
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    show_later(spinner, what, "{spinner} {msg} {elapsed}")
}

fn show_later(bar: ProgressBar, what: impl Into<Cow<'static, str>>, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = bar.with_message(what).with_style(style);
    let shown = bar.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(1));
        if !shown.is_finished() {
            let shown = SHOWN.add(shown);
            shown.enable_steady_tick(Duration::from_millis(200));
        }
    });
    bar
}
