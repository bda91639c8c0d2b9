//! How far each group is from the top, and whether some group is its own descendant.

use indexmap::IndexMap;
use std::collections::HashMap;

/// The children of each group.
pub(super) type Children = IndexMap<String, Vec<String>>;

/// The length of the longest way from a group without parents to each group.
///
/// # Errors
/// A loop: a group, its child, that one's child … and the first group again.
pub(super) fn depths(children: &Children) -> Result<HashMap<&str, usize>, Vec<String>> {
    let mut parents: HashMap<&str, usize> = children.keys().map(|name| (name.as_str(), 0)).collect();
    for child in children.values().flatten() {
        *parents.entry(child).or_default() += 1;
    }
    let mut depths: HashMap<&str, usize> = HashMap::new();
    let mut ready: Vec<&str> =
        parents.iter().filter(|(_, open)| **open == 0).map(|(name, _)| *name).collect();
    while let Some(name) = ready.pop() {
        parents.remove(name);
        let below = depths.entry(name).or_default().saturating_add(1);
        for child in children.get(name).into_iter().flatten() {
            let depth = depths.entry(child).or_default();
            *depth = below.max(*depth);
            let Some(open) = parents.get_mut(child.as_str()) else { continue };
            *open -= 1;
            if *open == 0 {
                ready.push(child);
            }
        }
    }
    match children.keys().find(|name| parents.contains_key(name.as_str())) {
        None => Ok(depths),
        Some(start) => Err(find_loop(children, &parents, start)),
    }
}

/// Walks upwards from a group below a loop, or in it, until a group comes again.
fn find_loop(children: &Children, left: &HashMap<&str, usize>, start: &str) -> Vec<String> {
    let mut way = vec![start.to_owned()];
    loop {
        let below = way.last().cloned().unwrap_or_default();
        let mut parents = children.iter().filter(|(name, _)| left.contains_key(name.as_str()));
        let Some((parent, _)) = parents.find(|(_, names)| names.contains(&below)) else { return way };
        let seen = way.iter().position(|name| name == parent);
        way.push(parent.clone());
        if let Some(at) = seen {
            way.drain(..at);
            way.reverse();
            return way;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn children(edges: &[(&str, &[&str])]) -> Children {
        edges
            .iter()
            .map(|(name, list)| ((*name).into(), list.iter().map(|c| (*c).into()).collect()))
            .collect()
    }

    #[test]
    fn a_group_is_as_deep_as_its_longest_way_from_the_top() {
        let groups = children(&[("all", &["a", "c"]), ("a", &["b"]), ("b", &["c"]), ("c", &[])]);
        let depths = depths(&groups).unwrap();
        assert_eq!(["all", "a", "b", "c"].map(|name| depths[name]), [0, 1, 2, 3]);
    }

    #[test]
    fn a_loop_is_found_also_from_below_it() {
        let groups =
            children(&[("low", &[]), ("all", &["x"]), ("x", &["y"]), ("y", &["z", "low"]), ("z", &["x"])]);
        let found = depths(&groups).unwrap_err();
        assert_eq!((found.len(), found.first()), (4, found.last()));
        let own = children(&[("a", &["a"])]);
        assert_eq!(depths(&own).unwrap_err(), ["a", "a"]);
    }

    #[test]
    fn a_hundred_thousand_levels_are_no_trouble() {
        let groups: Children = (0..100_000).map(|n| (n.to_string(), vec![(n + 1).to_string()])).collect();
        assert_eq!(depths(&groups).unwrap()["99999"], 99_999);
    }
}
