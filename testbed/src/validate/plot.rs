//! Charts as SVG: curves of theory, points with intervals. Told apart by dashes and shapes, so that print and
//! colour-blind eyes lose nothing.
use super::estimate::Estimate;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
/// Of the plane that is drawn in: left, top, right, bottom.
const PLANE: (f64, f64, f64, f64) = (64.0, 44.0, 700.0, 360.0);
const DASHES: [&str; 3] = ["none", "7 4", "2 3"];
const STEPS: usize = 160;

/// A line.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name.
    pub label: &'static str,
    /// Points from left to right.
    pub at: Vec<(f64, f64)>,
}

impl Curve {
    /// Of a function from 0 to `x_max`.
    pub fn of(label: &'static str, x_max: f64, y: impl Fn(f64) -> f64) -> Self {
        let x = |step: usize| x_max * step as f64 / STEPS as f64;
        Self { label, at: (0..=STEPS).map(|step| (x(step), y(x(step)))).collect() }
    }
}

/// The shape of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Round.
    Circle,
    /// Square.
    Square,
}

/// Measured values.
#[derive(Clone, Debug)]
pub struct Points {
    /// Their name.
    pub label: &'static str,
    /// Their shape.
    pub mark: Mark,
    /// Where.
    pub at: Vec<(f64, Estimate)>,
}

/// A chart of shares from 0 to 1.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Above it.
    pub title: &'static str,
    /// Below it.
    pub x_label: &'static str,
    /// Right end of the axis.
    pub x_max: f64,
    /// Between two numbers of the axis.
    pub x_step: f64,
    /// Lines.
    pub curves: Vec<Curve>,
    /// Points.
    pub points: Vec<Points>,
}

impl Chart {
    fn x(&self, value: f64) -> f64 {
        PLANE.0 + (PLANE.2 - PLANE.0) * value / self.x_max
    }

    fn y(share: f64) -> f64 {
        PLANE.3 - (PLANE.3 - PLANE.1) * share
    }

    /// The picture.
    pub fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
        );
        text(&mut svg, (PLANE.0, 24.0), "start", self.title);
        text(&mut svg, ((PLANE.0 + PLANE.2) / 2.0, HEIGHT - 18.0), "middle", self.x_label);
        self.grid(&mut svg);
        self.curves.iter().zip(DASHES).for_each(|(curve, dashes)| self.line(&mut svg, curve, dashes));
        self.points.iter().for_each(|points| self.marks(&mut svg, points));
        self.legend(&mut svg);
        svg + "</svg>\n"
    }

    fn grid(&self, svg: &mut String) {
        for step in 0..=5 {
            let share = f64::from(step) / 5.0;
            line(svg, (PLANE.0, Self::y(share)), (PLANE.2, Self::y(share)), "#dddddd");
            text(svg, (PLANE.0 - 8.0, Self::y(share) + 4.0), "end", &format!("{share:.1}"));
        }
        for step in 0..=(self.x_max / self.x_step) as u32 {
            let value = f64::from(step) * self.x_step;
            line(svg, (self.x(value), PLANE.1), (self.x(value), PLANE.3), "#dddddd");
            text(svg, (self.x(value), PLANE.3 + 18.0), "middle", &format!("{value}"));
        }
    }

    fn line(&self, svg: &mut String, curve: &Curve, dashes: &str) {
        let path: Vec<_> =
            curve.at.iter().map(|&(x, share)| format!("{:.1},{:.1}", self.x(x), Self::y(share))).collect();
        *svg += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#000000\" stroke-width=\"1.5\" \
             stroke-dasharray=\"{dashes}\"/>\n",
            path.join(" ")
        );
    }

    fn marks(&self, svg: &mut String, points: &Points) {
        for &(x, Estimate { mean, half_width }) in &points.at {
            let x = self.x(x);
            line(svg, (x, Self::y(mean - half_width)), (x, Self::y(mean + half_width)), "#0b5394");
            mark(svg, points.mark, (x, Self::y(mean)));
        }
    }

    fn legend(&self, svg: &mut String) {
        let (left, mut y) = (PLANE.2 - 250.0, PLANE.1 + 18.0);
        for (curve, dashes) in self.curves.iter().zip(DASHES) {
            *svg += &format!(
                "<line x1=\"{left:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" stroke=\"#000000\" \
                 stroke-width=\"1.5\" stroke-dasharray=\"{dashes}\"/>\n",
                left + 30.0
            );
            text(svg, (left + 38.0, y + 4.0), "start", curve.label);
            y += 20.0;
        }
        for points in &self.points {
            mark(svg, points.mark, (left + 15.0, y));
            text(svg, (left + 38.0, y + 4.0), "start", points.label);
            y += 20.0;
        }
    }
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    *svg += &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>\n");
}

fn line(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str) {
    *svg +=
        &format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>\n");
}

fn mark(svg: &mut String, mark: Mark, (x, y): (f64, f64)) {
    let style = "fill=\"#ffffff\" stroke=\"#0b5394\" stroke-width=\"1.5\"";
    *svg += &match mark {
        Mark::Circle => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" {style}/>\n"),
        Mark::Square => {
            let (left, top) = (x - 4.0, y - 4.0);
            format!("<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"8\" height=\"8\" {style}/>\n")
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fill_the_plane_from_below() {
        let point = Estimate { mean: 0.5, half_width: 0.1 };
        let chart = Chart {
            title: "title",
            x_label: "x",
            x_max: 2.0,
            x_step: 1.0,
            curves: vec![Curve::of("curve", 2.0, |x| x / 2.0)],
            points: vec![Points { label: "points", mark: Mark::Square, at: vec![(1.0, point)] }],
        };
        let svg = chart.svg();
        assert!(svg.contains("points=\"64.0,360.0 "), "{svg}");
        assert!(svg.contains(" 700.0,44.0\""), "{svg}");
        assert!(svg.contains("<rect x=\"378.0\" y=\"198.0\""), "{svg}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        for label in ["title", "curve", "points"] {
            assert!(svg.contains(&format!(">{label}</text>")), "{label}");
        }
    }
}
