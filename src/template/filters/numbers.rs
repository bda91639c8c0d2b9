//! Filters on numbers, and chance. Without a seed, what is drawn in a dry run is not known: the run after it would draw
//! something else.

use crate::template::call::{Call, Word, kind_of, text_of, wrong};
use crate::template::chance::{self, Chance};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "random", params: &["start", "step", "seed"], body: random },
    Word { name: "shuffle", params: &["seed"], body: shuffle },
    Word { name: "log", params: &["base"], body: log },
    Word {
        name: "pow",
        params: &["y"],
        body: |_, call| Ok(Value::from(number(&call.operand)?.powf(number(call.need("y")?)?))),
    },
    Word { name: "root", params: &["base"], body: root },
    Word { name: "human_readable", params: &["isbits", "unit"], body: human_readable },
    Word { name: "human_to_bytes", params: &["default_unit", "isbits"], body: human_to_bytes },
    Word { name: "filesizeformat", params: &["binary"], body: filesizeformat },
];

fn number(value: &Value) -> Result<f64, Error> {
    f64::try_from(value.clone()).map_err(|_| wrong(format!("a number is needed, not {}", kind_of(value))))
}

/// Numbers below a limit: by the seed, or by the run's own chance.
fn chance(state: &State, call: &Call) -> Result<Box<dyn FnMut(u64) -> u64>, Error> {
    let mut seeded = match call.arg("seed").filter(|seed| !seed.is_none()) {
        Some(seed) if seed.is_integer() => {
            let seed = i64::try_from(seed.clone()).map_err(|_| call.wrong("the seed is too large"))?;
            Chance::from_number(seed.unsigned_abs())
        }
        Some(seed) => Chance::from_text(&text_of(seed)?),
        None => {
            let mut stream = chance::drawn(state, "random")?;
            return Ok(Box::new(move |limit| stream.below(limit)));
        }
    };
    Ok(Box::new(move |limit| seeded.below(limit)))
}

/// One of a list, or a number below the operand (from `start`, in steps of `step`).
fn random(state: &mut State, call: &Call) -> Result<Value, Error> {
    let mut below = chance(state, call)?;
    if call.operand.kind() != ValueKind::Number {
        let items = call.items()?;
        if items.is_empty() {
            return Err(call.wrong("the list is empty"));
        }
        let at = usize::try_from(below(items.len() as u64)).unwrap_or_default();
        return Ok(items.get(at).cloned().unwrap_or_default());
    }
    let end = i64::try_from(call.operand.clone())?;
    let (start, step) = (call.integer("start")?.unwrap_or(0), call.integer("step")?.unwrap_or(1));
    let width = end.checked_sub(start).filter(|width| *width > 0 && step > 0);
    let width = width.ok_or_else(|| call.wrong(format!("there is no number from {start} below {end}")))?;
    let choices = (width - 1) / step + 1;
    Ok(Value::from(start + step * i64::try_from(below(choices.unsigned_abs())).unwrap_or_default()))
}

fn shuffle(state: &mut State, call: &Call) -> Result<Value, Error> {
    let (mut below, mut items) = (chance(state, call)?, call.items()?);
    for at in (1..items.len()).rev() {
        let other = usize::try_from(below(at as u64 + 1)).unwrap_or_default();
        items.swap(at, other);
    }
    Ok(Value::from(items))
}

fn log(_: &mut State, call: &Call) -> Result<Value, Error> {
    let operand = number(&call.operand)?;
    Ok(Value::from(match call.arg("base") {
        Some(base) if *base == Value::from(10) => operand.log10(),
        Some(base) => operand.log(number(base)?),
        None => operand.ln(),
    }))
}

fn root(_: &mut State, call: &Call) -> Result<Value, Error> {
    let operand = number(&call.operand)?;
    let base = call.arg("base").map_or(Ok(2.0), number)?;
    #[expect(clippy::float_cmp, reason = "the base is what somebody wrote, not the result of a calculation")]
    let square = base == 2.0;
    Ok(Value::from(if square { operand.sqrt() } else { operand.powf(1.0 / base) }))
}

const UNITS: [char; 8] = ['Y', 'Z', 'E', 'P', 'T', 'G', 'M', 'K'];

fn unit_size(unit: char) -> Option<f64> {
    let place = UNITS.iter().rev().position(|known| *known == unit.to_ascii_uppercase())?;
    Some((0..=place).fold(1.0, |size, _| size * 1024.0))
}

fn human_readable(_: &mut State, call: &Call) -> Result<Value, Error> {
    let size = number(&call.operand)?;
    let base = if call.is_set("isbits") { "bits" } else { "Bytes" };
    let wanted = call.text("unit")?;
    let fits = |unit: &&char| match &wanted {
        Some(wanted) => wanted.starts_with(**unit) || wanted.starts_with(unit.to_ascii_lowercase()),
        None => unit_size(**unit).is_some_and(|limit| size >= limit),
    };
    let suffix = base.get(..1).unwrap_or_default();
    Ok(Value::from(match UNITS.iter().find(fits) {
        Some(unit) => format!("{:.2} {unit}{suffix}", size / unit_size(*unit).unwrap_or(1.0)),
        None => format!("{size:.2} {base}"),
    }))
}

fn human_to_bytes(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.operand_text()?;
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ' ').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let amount: f64 = digits.trim().parse().map_err(|_| call.wrong(format!("'{text}' is no size")))?;
    let unit = match unit.trim() {
        "" => call.text("default_unit")?.unwrap_or_default(),
        unit => unit.to_owned(),
    };
    let of = if call.is_set("isbits") { "b" } else { "B" };
    let mut chars = unit.chars();
    let size = match chars.next() {
        None => Some(1.0),
        Some('b' | 'B') if chars.as_str().is_empty() => Some(1.0),
        Some(letter) => unit_size(letter).filter(|_| matches!(chars.as_str(), "") || chars.as_str() == of),
    };
    let size = size.ok_or_else(|| call.wrong(format!("there is no unit '{unit}'")))?;
    Ok(Value::from((amount * size).round() as i64))
}

fn filesizeformat(_: &mut State, call: &Call) -> Result<Value, Error> {
    let bytes = number(&call.operand)?;
    let (base, infix) = if call.is_set("binary") { (1024.0, "i") } else { (1000.0, "") };
    if bytes < base {
        let unit = if bytes as i64 == 1 { "Byte" } else { "Bytes" };
        return Ok(Value::from(format!("{} {unit}", bytes as i64)));
    }
    let (mut size, mut unit) = (bytes / base, 'k');
    for next in ['M', 'G', 'T', 'P', 'E', 'Z', 'Y'] {
        if size < base {
            break;
        }
        (size, unit) = (size / base, next);
    }
    let unit = if infix.is_empty() { unit } else { unit.to_ascii_uppercase() };
    Ok(Value::from(format!("{size:.1} {unit}{infix}B")))
}
