//! Sealed values: opening, sealing, and who could have read what. The room is empty: sealed values are recognised by
//! `crate::load` and refused with a reason wherever one is used.
