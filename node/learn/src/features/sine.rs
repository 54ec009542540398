//! Sines with 15 bits after the point, 1,024 to a turn.

/// Steps of a turn.
const TURN: usize = 1024;

/// The first quarter, both ends included: 514 bytes.
static QUARTER: [u16; TURN / 4 + 1] = quarter();

const fn quarter() -> [u16; TURN / 4 + 1] {
    let mut table = [0; TURN / 4 + 1];
    let mut step = 0;
    while step < table.len() {
        let angle = core::f64::consts::TAU * step as f64 / TURN as f64;
        table[step] = (series(angle) * 32_768.0 + 0.5) as u16;
        step += 1;
    }
    table
}

/// Taylor's series of the sine, whose terms beyond the twelfth vanish up to a right angle.
const fn series(angle: f64) -> f64 {
    let (mut term, mut sum, mut order) = (angle, angle, 1.0);
    while order < 23.0 {
        term *= -angle * angle / ((order + 1.0) * (order + 2.0));
        sum += term;
        order += 2.0;
    }
    sum
}

/// Sine of so many steps.
pub(crate) fn sine(steps: usize) -> i32 {
    let within = steps % (TURN / 4);
    match steps / (TURN / 4) % 4 {
        0 => QUARTER[within].into(),
        1 => QUARTER[TURN / 4 - within].into(),
        2 => -i32::from(QUARTER[within]),
        _ => -i32::from(QUARTER[TURN / 4 - within]),
    }
}

/// Cosine of so many steps.
pub(crate) fn cosine(steps: usize) -> i32 {
    sine(steps.wrapping_add(TURN / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_sine_to_the_last_bit() {
        for steps in 0..2 * TURN {
            let angle = core::f64::consts::TAU * steps as f64 / TURN as f64;
            assert_eq!(f64::from(sine(steps)), libm::round(32_768.0 * libm::sin(angle)));
            assert_eq!(f64::from(cosine(steps)), libm::round(32_768.0 * libm::cos(angle)));
        }
    }
}
