//! A small chart with logarithmic axes, as SVG. One legend serves several panels.
use std::fmt::Write;

const WIDTH: f64 = 1_080.0;
const PANEL: (f64, f64) = (540.0, 400.0);
/// Left, top, right, bottom of a panel, for titles and labels.
const MARGIN: [f64; 4] = [62.0, 34.0, 14.0, 52.0];
const COLOURS: [&str; 8] =
    ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#555555"];

/// Points of one family of codecs.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend. Series of one name look alike in all panels.
    pub name: String,
    /// Bytes and error.
    pub points: Vec<(f64, f64)>,
}

/// One diagram.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Above it.
    pub title: String,
    /// Beside its upward axis.
    pub axis: String,
    /// Lowest and highest error shown, powers of ten.
    pub decades: (i32, i32),
    /// What is in it.
    pub series: Vec<Series>,
    /// A thin line without a legend, and its words.
    pub bound: Option<Series>,
}

struct Frame {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

/// Fewest and most bytes shown.
const BYTES: (f64, f64) = (14.0, 3_000.0);
const BYTE_TICKS: [f64; 8] = [20.0, 36.0, 50.0, 100.0, 207.0, 500.0, 1_000.0, 2_600.0];

impl Frame {
    fn of(place: usize) -> Self {
        let (left, top) = ((place % 2) as f64 * PANEL.0, (place / 2) as f64 * PANEL.1);
        Self {
            left: left + MARGIN[0],
            top: top + MARGIN[1],
            right: left + PANEL.0 - MARGIN[2],
            bottom: top + PANEL.1 - MARGIN[3],
        }
    }

    fn x(&self, bytes: f64) -> f64 {
        let share = libm::log10(bytes / BYTES.0) / libm::log10(BYTES.1 / BYTES.0);
        self.left + share * (self.right - self.left)
    }

    fn y(&self, error: f64, decades: (i32, i32)) -> f64 {
        let share = (libm::log10(error) - f64::from(decades.0)) / f64::from(decades.1 - decades.0);
        self.bottom - share * (self.bottom - self.top)
    }
}

fn power(decade: i32) -> f64 {
    libm::exp10(decade.into())
}

/// The panels, three at most, and the legend as a fourth.
pub fn draw(panels: &[Panel]) -> String {
    let height = 2.0 * PANEL.1;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let mut names = Vec::new();
    for (place, panel) in panels.iter().enumerate() {
        for series in &panel.series {
            if !names.contains(&series.name) {
                names.push(series.name.clone());
            }
        }
        draw_panel(&mut svg, panel, &Frame::of(place), &names);
    }
    draw_legend(&mut svg, &names);
    svg.push_str("</svg>\n");
    svg
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), style: &str) {
    // Writing to a string cannot fail.
    writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" {style}/>",
        from.0, from.1, to.0, to.1
    )
    .expect("strings grow");
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{words}</text>", at.0, at.1)
        .expect("strings grow");
}

fn draw_panel(svg: &mut String, panel: &Panel, frame: &Frame, names: &[String]) {
    const GRID: &str = "stroke=\"#dddddd\"";
    for bytes in BYTE_TICKS {
        let x = frame.x(bytes);
        line(svg, (x, frame.top), (x, frame.bottom), GRID);
        text(svg, (x, frame.bottom + 18.0), "middle", &format!("{bytes:.0}"));
    }
    for decade in panel.decades.0..=panel.decades.1 {
        let y = frame.y(power(decade), panel.decades);
        line(svg, (frame.left, y), (frame.right, y), GRID);
        let label = if decade >= 0 {
            format!("{:.0}", power(decade))
        } else {
            format!("{:.*}", -decade as usize, power(decade))
        };
        text(svg, (frame.left - 6.0, y + 4.0), "end", label.trim_start_matches('0').trim_start());
    }
    let (middle, upright) = ((frame.left + frame.right) / 2.0, (frame.top + frame.bottom) / 2.0);
    writeln!(
        svg,
        "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-weight=\"bold\">{}</text>",
        frame.top - 12.0,
        panel.title
    )
    .expect("strings grow");
    text(svg, (middle, frame.bottom + 40.0), "middle", "payload bytes of an update of 650 parameters");
    let x = frame.left - 48.0;
    writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{upright:.1}\" text-anchor=\"middle\" \
         transform=\"rotate(-90 {x:.1} {upright:.1})\">{}</text>",
        panel.axis
    )
    .expect("strings grow");
    if let Some(bound) = &panel.bound {
        draw_bound(svg, bound, panel.decades, frame);
    }
    for series in &panel.series {
        draw_series(svg, series, panel.decades, frame, names);
    }
}

fn shown(series: &Series, decades: (i32, i32), frame: &Frame) -> Vec<(f64, f64)> {
    let errors = power(decades.0)..=power(decades.1);
    let is_inside =
        |&&(bytes, error): &&(f64, f64)| bytes >= BYTES.0 && bytes <= BYTES.1 && errors.contains(&error);
    let places = series.points.iter().filter(is_inside);
    places.map(|&(bytes, error)| (frame.x(bytes), frame.y(error, decades))).collect()
}

fn draw_bound(svg: &mut String, bound: &Series, decades: (i32, i32), frame: &Frame) {
    let places = shown(bound, decades, frame);
    for pair in places.windows(2) {
        line(svg, pair[0], pair[1], "stroke=\"#000000\" stroke-width=\"1\"");
    }
    // Its words stand below the line, where no code can be.
    if let Some(&(x, y)) = places.get(places.len() * 2 / 3) {
        text(svg, (x - 10.0, y + 4.0), "end", &bound.name);
    }
}

fn draw_series(svg: &mut String, series: &Series, decades: (i32, i32), frame: &Frame, names: &[String]) {
    let style = names.iter().position(|name| *name == series.name).unwrap_or(0);
    let places = shown(series, decades, frame);
    for pair in places.windows(2) {
        line(
            svg,
            pair[0],
            pair[1],
            &format!("stroke=\"{}\" stroke-width=\"1.5\" {}", colour(style), dash(style)),
        );
    }
    places.iter().for_each(|&place| marker(svg, place, style));
}

fn colour(style: usize) -> &'static str {
    COLOURS[style % COLOURS.len()]
}

fn dash(style: usize) -> &'static str {
    if (style / COLOURS.len()).is_multiple_of(2) { "" } else { "stroke-dasharray=\"5 4\"" }
}

fn marker(svg: &mut String, (x, y): (f64, f64), style: usize) {
    let paint = format!("fill=\"{}\" stroke=\"#ffffff\" stroke-width=\"0.8\"", colour(style));
    match (style + 2 * (style / COLOURS.len())) % 3 {
        0 => writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" {paint}/>"),
        1 => writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"9\" height=\"9\" {paint}/>",
            x - 4.5,
            y - 4.5
        ),
        _ => writeln!(svg, "<path d=\"M{:.1} {:.1} l6 10.5 h-12 z\" {paint}/>", x, y - 6.5),
    }
    .expect("strings grow");
}

fn draw_legend(svg: &mut String, names: &[String]) {
    let frame = Frame::of(3);
    for (style, name) in names.iter().enumerate() {
        let y = frame.top + 14.0 + 20.0 * style as f64;
        let stroke = format!("stroke=\"{}\" stroke-width=\"1.5\" {}", colour(style), dash(style));
        line(svg, (frame.left, y), (frame.left + 44.0, y), &stroke);
        marker(svg, (frame.left + 22.0, y), style);
        text(svg, (frame.left + 56.0, y + 4.5), "start", name);
    }
}
