//! Where a task stands in a play's order, whatever was opened on the way to it: blocks, handlers, includes.
//!
//! Hosts of a batch go through a play side by side and at their own pace. By their ways they can be compared: what is
//! smaller comes earlier, on every host.

use std::sync::Arc;

/// The number of a step, then those of the steps inside of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Way(Arc<[u32]>);

impl Way {
    /// The way of the step of this number inside of what stands here.
    #[must_use]
    pub fn child(&self, number: usize) -> Self {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        Self(self.0.iter().copied().chain([number]).collect())
    }

    /// The end of a play.
    pub fn end() -> Self {
        Self([u32::MAX].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_of_a_step_comes_before_the_next_step() {
        let step = |number| Way::default().child(number);
        let order =
            [Way::default(), step(0), step(1), step(1).child(0), step(1).child(7), step(2), Way::end()];
        assert!(order.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
