//! Colours that the colour-blind can tell apart (Okabe and Ito 2008), each with a marker and a pattern besides, so
//! that nothing depends on colour alone.
use plotly::common::{DashType, MarkerSymbol, PatternShape};

pub const BLACK: &str = "#000000";
pub const ORANGE: &str = "#E69F00";
pub const SKY: &str = "#56B4E9";
pub const GREEN: &str = "#009E73";
pub const YELLOW: &str = "#F0E442";
pub const BLUE: &str = "#0072B2";
pub const VERMILLION: &str = "#D55E00";
pub const PURPLE: &str = "#CC79A7";

/// How one series looks.
#[derive(Clone, Debug)]
pub struct Look {
    pub colour: &'static str,
    pub symbol: MarkerSymbol,
    pub dash: DashType,
    pub pattern: PatternShape,
}

impl Look {
    /// Red, green and blue of the colour.
    pub fn rgb(&self) -> (u8, u8, u8) {
        let byte = |from: usize| u8::from_str_radix(&self.colour[from..from + 2], 16);
        let known = "colours here are written as six hexadecimal digits";
        (byte(1).expect(known), byte(3).expect(known), byte(5).expect(known))
    }
}

/// The look of the series number `index` of a chart.
pub fn look(index: usize) -> Look {
    let colours = [BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK, YELLOW];
    let symbol = match index % 8 {
        0 => MarkerSymbol::Circle,
        1 => MarkerSymbol::Square,
        2 => MarkerSymbol::TriangleUp,
        3 => MarkerSymbol::Diamond,
        4 => MarkerSymbol::Cross,
        5 => MarkerSymbol::X,
        6 => MarkerSymbol::TriangleDown,
        _ => MarkerSymbol::Pentagon,
    };
    let dash = match index % 6 {
        0 => DashType::Solid,
        1 => DashType::Dash,
        2 => DashType::Dot,
        3 => DashType::DashDot,
        4 => DashType::LongDash,
        _ => DashType::LongDashDot,
    };
    let pattern = match index % 6 {
        0 => PatternShape::None,
        1 => PatternShape::RightDiagonalLine,
        2 => PatternShape::Dot,
        3 => PatternShape::LeftDiagonalLine,
        4 => PatternShape::Cross,
        _ => PatternShape::HorizontalLine,
    };
    Look { colour: colours[index % 8], symbol, dash, pattern }
}
