//! Rolling bearings: geometry, and the characteristic frequencies that follow from it.
//!
//! With n balls of diameter d on a pitch circle of diameter D, contact angle a and r = d / D cos(a), frequencies are
//! these multiples of the shaft's (Randall and Antoni 2011, equations 1 to 4; outer ring at rest, no slip):
//!
//! ```text
//! cage  (FTF)   (1 - r) / 2
//! outer (BPFO)  n (1 - r) / 2
//! inner (BPFI)  n (1 + r) / 2
//! ball  (BSF)   D / (2 d) (1 - r r)
//! ```

/// What a bearing looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bearing {
    /// The makers' name.
    pub name: &'static str,
    /// Rolling elements in a row.
    pub balls: u32,
    /// Their diameter, in millimetres.
    pub ball_mm: f64,
    /// Diameter of the circle through their centres, in millimetres.
    pub pitch_mm: f64,
    /// Contact angle, in degrees.
    pub contact_deg: f64,
}

/// Bearings that generated machines run in: those of the Case Western Reserve University Bearing Data Center at drive
/// end and fan end, and that of the IMS run-to-failure tests (Qiu et al. 2006), converted from inches.
pub const BEARINGS: [Bearing; 3] = [
    Bearing { name: "SKF 6205-2RS", balls: 9, ball_mm: 7.940, pitch_mm: 39.040, contact_deg: 0.0 },
    Bearing { name: "SKF 6203-2RS", balls: 8, ball_mm: 6.746, pitch_mm: 28.499, contact_deg: 0.0 },
    Bearing { name: "Rexnord ZA-2115", balls: 16, ball_mm: 8.407, pitch_mm: 71.501, contact_deg: 15.17 },
];

/// Characteristic frequencies as multiples of the shaft's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Orders {
    /// Turns of the cage (FTF).
    pub cage: f64,
    /// Balls that pass a point of the outer race (BPFO).
    pub outer: f64,
    /// Balls that pass a point of the inner race (BPFI).
    pub inner: f64,
    /// Turns of a ball about its own axis (BSF); a defect of it strikes a race twice a turn.
    pub ball: f64,
}

impl Bearing {
    /// Its characteristic frequencies.
    pub fn orders(&self) -> Orders {
        let balls = f64::from(self.balls);
        let ratio =
            self.ball_mm / self.pitch_mm * libm::cos(self.contact_deg * core::f64::consts::PI / 180.0);
        Orders {
            cage: (1.0 - ratio) / 2.0,
            outer: balls * (1.0 - ratio) / 2.0,
            inner: balls * (1.0 + ratio) / 2.0,
            ball: self.pitch_mm / (2.0 * self.ball_mm) * (1.0 - ratio * ratio),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cage, outer, inner, twice ball, from the tables of the Bearing Data Center; outer, inner and ball of the IMS
    /// bearing are its 236.4, 296.9 and 139.9 Hz at 2,000 rpm.
    #[test]
    fn orders_are_those_that_are_published() {
        let published = [
            [0.39828, 3.5848, 5.4152, 4.7135],
            [0.38167, 3.0530, 4.9469, 3.9874],
            [0.4433, 236.4 * 0.03, 296.9 * 0.03, 2.0 * 139.9 * 0.03],
        ];
        for (bearing, published) in BEARINGS.iter().zip(published) {
            let Orders { cage, outer, inner, ball } = bearing.orders();
            for (order, published) in [cage, outer, inner, 2.0 * ball].into_iter().zip(published) {
                assert!((order / published - 1.0).abs() < 1.5e-3, "{}: {order} {published}", bearing.name);
            }
        }
    }

    /// What passes both races together is what passes the shaft.
    #[test]
    fn outer_and_inner_add_up_to_the_number_of_balls() {
        for bearing in BEARINGS {
            let orders = bearing.orders();
            assert!((orders.outer + orders.inner - f64::from(bearing.balls)).abs() < 1e-12);
            assert!((orders.outer - f64::from(bearing.balls) * orders.cage).abs() < 1e-12);
        }
    }
}
