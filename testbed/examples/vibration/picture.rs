//! One machine in every condition: its signal, its spectrum, and the spectrum of its envelope.
use anyhow::Result;
use chirrup_testbed::data::vibration::features::{AVERAGED, Spectrum, envelope};
use chirrup_testbed::data::vibration::machine::Machine;
use chirrup_testbed::data::vibration::signal::{COUNTS_PER_M_S2, Window};
use chirrup_testbed::data::vibration::task::Origin;
use chirrup_testbed::data::vibration::{Condition, Generator, LoadProfile, VibrationConfig};
use std::fmt::Write;

const SEED: u64 = 1;
const MACHINE: u64 = 0;
/// Windows over which a spectrum is averaged.
const WINDOWS: u64 = 20;
const PLOT: (f64, f64) = (260.0, 90.0);
const LEFT: f64 = 70.0;
const TOP: f64 = 40.0;
const PITCH: (f64, f64) = (320.0, 130.0);
/// A blue and an orange that differ in lightness too, for print and the colour-blind (Okabe and Ito).
const LINE: &str = "#0072b2";
const MARK: &str = "#d55e00";

/// Points of a plot within the unit square's ranges.
struct Plot {
    title: String,
    points: Vec<(f64, f64)>,
    x: (f64, f64),
    y: (f64, f64),
    x_name: &'static str,
    y_name: &'static str,
    /// Where a fault's frequency and its multiples are.
    marks: Vec<f64>,
}

/// The picture.
pub fn svg() -> Result<String> {
    let config = VibrationConfig {
        window: 4_096,
        severity: 1.5,
        load_profile: LoadProfile::Constant,
        ..VibrationConfig::default()
    };
    let generator = Generator { config, seed: SEED };
    let machine = generator.machine(MACHINE);
    let height = TOP + PITCH.1 * Condition::ALL.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {height:.0}\" font-family=\"sans-serif\" \
         font-size=\"10\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        LEFT + 3.0 * PITCH.0
    );
    for (row, condition) in Condition::ALL.into_iter().enumerate() {
        for (column, plot) in plots(&generator, &machine, condition)?.into_iter().enumerate() {
            let place = (LEFT + PITCH.0 * column as f64, TOP + PITCH.1 * row as f64);
            draw(&mut svg, &plot, place)?;
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn plots(generator: &Generator, machine: &Machine, condition: Condition) -> Result<[Plot; 3]> {
    let rate_hz = f64::from(generator.config.sample_rate_hz);
    let window = |number| generator.window(Origin { machine: MACHINE, condition, number });
    let spectrum = |window: &Window| Spectrum::of(window.samples[..1_024].to_vec(), rate_hz);
    let of_envelope = |window: &Window| Spectrum::of(envelope(&window.samples), rate_hz / AVERAGED as f64);
    let windows: Vec<Window> = (0..WINDOWS).map(window).collect();
    let shaft_hz = windows[0].tacho_hz;
    let fault_hz = condition.impacts_a_turn(&machine.bearing.orders()).map(|order| order * shaft_hz);
    let marks = fault_hz.iter().flat_map(|hz| [*hz, 2.0 * hz]).collect();
    let signal = windows[0].samples.iter().take(640).enumerate();
    Ok([
        Plot {
            title: format!("{}: acceleration", condition.name()),
            points: signal
                .map(|(index, &counts)| (1e3 * index as f64 / rate_hz, f64::from(counts) / COUNTS_PER_M_S2))
                .collect(),
            x: (0.0, 100.0),
            y: (-12.0, 12.0),
            x_name: "ms",
            y_name: "m/s²",
            marks: Vec::new(),
        },
        Plot {
            title: format!("{}: spectrum", condition.name()),
            points: mean_db(&windows, spectrum, Level::Absolute)?,
            x: (0.0, rate_hz / 2.0),
            y: (40.0, 100.0),
            x_name: "Hz",
            y_name: "dB",
            marks: Vec::new(),
        },
        Plot {
            title: match fault_hz {
                Some(hz) => {
                    format!("{}: envelope, marks at {hz:.0} Hz and twice", condition.name())
                }
                None => format!("{}: envelope", condition.name()),
            },
            points: mean_db(&windows, of_envelope, Level::Relative)?,
            x: (0.0, 500.0),
            y: (-45.0, 0.0),
            x_name: "Hz",
            y_name: "dB of all",
            marks,
        },
    ])
}

/// What a decibel is relative to.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    /// The unit of the transform.
    Absolute,
    /// The whole spectrum but zero frequency.
    Relative,
}

fn mean_db(
    windows: &[Window],
    spectrum: impl Fn(&Window) -> Result<Spectrum, chirrup_learn::LearnError>,
    level: Level,
) -> Result<Vec<(f64, f64)>> {
    let (mut sums, mut step_hz) = (Vec::new(), 0.0);
    for window in windows {
        let spectrum = spectrum(window)?;
        step_hz = spectrum.step_hz();
        let powers: Vec<f64> = spectrum.powers().map(|power| power * spectrum.unit_power()).collect();
        let whole = powers.iter().skip(1).sum::<f64>().max(1.0);
        let scale = if level == Level::Relative { 1.0 / whole } else { 1.0 };
        sums.resize(powers.len(), 0.0);
        sums.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power * scale / windows.len() as f64);
    }
    let db = |power: f64| 10.0 * libm::log10(power.max(1e-9));
    Ok(sums.iter().enumerate().map(|(step, power)| (step as f64 * step_hz, db(*power))).collect())
}

fn draw(svg: &mut String, plot: &Plot, (left, top): (f64, f64)) -> Result<()> {
    let (width, height) = PLOT;
    let at_x = |x: f64| left + width * (x - plot.x.0) / (plot.x.1 - plot.x.0);
    let at_y =
        |y: f64| top + height * (1.0 - (y.clamp(plot.y.0, plot.y.1) - plot.y.0) / (plot.y.1 - plot.y.0));
    writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#999\"/>"
    )?;
    writeln!(svg, "<text x=\"{left}\" y=\"{:.0}\" font-weight=\"bold\">{}</text>", top - 5.0, plot.title)?;
    for (y, anchor_y) in [(plot.y.1, top + 8.0), (plot.y.0, top + height)] {
        writeln!(svg, "<text x=\"{:.0}\" y=\"{anchor_y:.0}\" text-anchor=\"end\">{y:.0}</text>", left - 4.0)?;
    }
    let middle = top + height / 2.0;
    writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{middle:.0}\" text-anchor=\"end\">{}</text>",
        left - 4.0,
        plot.y_name
    )?;
    let below = top + height + 11.0;
    writeln!(svg, "<text x=\"{left}\" y=\"{below:.0}\">{:.0}</text>", plot.x.0)?;
    writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{below:.0}\" text-anchor=\"end\">{:.0} {}</text>",
        left + width,
        plot.x.1,
        plot.x_name
    )?;
    for mark in plot.marks.iter().filter(|mark| **mark <= plot.x.1) {
        let x = at_x(*mark);
        let bottom = top + height;
        writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\" stroke=\"{MARK}\" stroke-dasharray=\"4 2\"/>"
        )?;
    }
    let shown = plot.points.iter().filter(|point| point.0 <= plot.x.1);
    let points: Vec<String> = shown.map(|&(x, y)| format!("{:.1},{:.1}", at_x(x), at_y(y))).collect();
    writeln!(
        svg,
        "<polyline fill=\"none\" stroke=\"{LINE}\" stroke-width=\".8\" points=\"{}\"/>",
        points.join(" ")
    )?;
    Ok(())
}
