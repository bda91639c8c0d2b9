//! How deeply a source nests, found before it is parsed: the engine builds, compiles and drops its tree recursively, so
//! that a chain of fifty thousand operators would overflow the stack.

use super::error::{TemplateError, TemplateErrorKind as Kind};
use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

/// How many operators, members and filters may be chained or nested in one expression.
const CHAIN_MAX: usize = 600;
/// How many `elif` may follow each other or be nested.
const BRANCHES_MAX: usize = 300;

/// Refuses a source that nests too deeply. What can't be read at all is left to the parser to complain about.
pub(super) fn check(source: &str, is_expression: bool, syntax: &SyntaxConfig) -> Result<(), TemplateError> {
    let mut depth = Depth::default();
    for token in tokenize(source, is_expression, syntax.clone()) {
        let Ok((token, span)) = token else { return Ok(()) };
        if let Some(message) = depth.after(&token) {
            let range = span.start_offset as usize..span.end_offset as usize;
            return Err(TemplateError::new(Kind::Limit, message).at("expression", source, Some(range)));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Depth {
    /// Links of the chain so far, for each open bracket. A comma begins a new chain.
    chains: Vec<usize>,
    links: usize,
    /// `elif`s so far, for each open `if`.
    branches: Vec<usize>,
    opens_block: bool,
}

impl Depth {
    fn after(&mut self, token: &Token<'_>) -> Option<String> {
        let opens_block = std::mem::replace(&mut self.opens_block, matches!(token, Token::BlockStart));
        match token {
            Token::VariableStart | Token::BlockStart => (self.chains, self.links) = (Vec::new(), 0),
            Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => self.chains.push(self.links + 1),
            Token::BracketClose | Token::ParenClose | Token::BraceClose => {
                self.links = self.chains.pop().unwrap_or(0)
            }
            Token::Comma => self.links = self.chains.last().copied().unwrap_or(0),
            Token::Ident(word) if opens_block => self.statement(word),
            Token::Ident("and" | "or" | "not" | "is" | "if" | "else" | "in") => self.links += 1,
            Token::TemplateData(_) | Token::Ident(_) | Token::Str(_) | Token::String(_) => {}
            Token::Int(_) | Token::Int128(_) | Token::Float(_) | Token::Colon | Token::Assign => {}
            Token::VariableEnd | Token::BlockEnd => {}
            _ => self.links += 1,
        }
        if self.links > CHAIN_MAX {
            return Some(format!("the expression chains or nests more than {CHAIN_MAX} operators"));
        }
        let branches: usize = self.branches.iter().sum();
        (branches > BRANCHES_MAX).then(|| format!("more than {BRANCHES_MAX} branches follow each other"))
    }

    fn statement(&mut self, word: &str) {
        match word {
            "if" => self.branches.push(1),
            "elif" => {
                if let Some(count) = self.branches.last_mut() {
                    *count += 1;
                }
            }
            "endif" => {
                self.branches.pop();
            }
            _ => {}
        }
    }
}
