//! Items in a row, each found by a number that it keeps while others come and go.
//!
//! An item that is taken out leaves its place to the last one, so that walking along the row costs no more than there
//! are items, and their order follows from what was put in and taken out alone.

/// The row.
#[derive(Debug)]
pub(super) struct Row<T> {
    /// With the number of each.
    items: Vec<(u32, T)>,
    /// Where the item of each number stands.
    places: Vec<u32>,
    /// Numbers that no item has.
    free: Vec<u32>,
}

impl<T> Row<T> {
    pub const fn new() -> Self {
        Self { items: Vec::new(), places: Vec::new(), free: Vec::new() }
    }

    /// Puts an item at the end; returns its number.
    pub fn put(&mut self, item: T) -> u32 {
        let place = self.items.len() as u32;
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.places.push(place);
                (self.places.len() - 1) as u32
            }
        };
        self.places[number as usize] = place;
        self.items.push((number, item));
        number
    }

    /// The item of this number; `None` when it was taken.
    pub fn get(&self, number: u32) -> Option<&T> {
        let (owner, item) = self.items.get(*self.places.get(number as usize)? as usize)?;
        (*owner == number).then_some(item)
    }

    /// Takes the item of this number.
    pub fn take(&mut self, number: u32) -> Option<T> {
        self.get(number)?;
        let place = self.places[number as usize];
        let (_, item) = self.items.swap_remove(place as usize);
        if let Some((moved, _)) = self.items.get(place as usize) {
            self.places[*moved as usize] = place;
        }
        self.free.push(number);
        Some(item)
    }

    /// All items in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(_, item)| item)
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut().map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Rng;

    /// Against a plain vector that is searched.
    #[test]
    fn items_are_found_by_their_number_and_keep_the_order_of_a_vector() {
        let (mut row, mut plain) = (Row::new(), Vec::<(u32, u64)>::new());
        let mut rng = Rng::for_purpose(1, "row", 0);
        for step in 0..10_000_u64 {
            if rng.chance(0.5) || plain.is_empty() {
                plain.push((row.put(step), step));
            } else {
                let (number, item) = plain.swap_remove(rng.below(plain.len() as u64) as usize);
                assert_eq!(row.take(number), Some(item));
                assert_eq!(row.get(number), None);
                assert_eq!(row.take(number), None);
            }
            assert!(row.iter().eq(plain.iter().map(|(_, item)| item)));
            assert!(plain.iter().all(|(number, item)| row.get(*number) == Some(item)));
        }
        assert_eq!(row.get(u32::MAX), None);
    }
}
