//! Scenarios: what the person who deploys may still choose, tried out one after the other.
//!
//! Evaluation asks for a choice where it meets one (a parameter with allowed values, a condition that cannot be decided).
//! The first run takes the first option everywhere; each further run takes the next option of the latest choice. So only
//! choices that matter for the question are tried, and choices that belong together stay together.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::rc::Rc;

use super::value::TemplateId;

/// How many scenarios are tried for one question before the rest is cut off.
pub const MAX_SCENARIOS: usize = 256;
/// How many scenarios are tried for all questions together; after that, each question gets one.
pub const MAX_SCENARIOS_IN_ALL: usize = 200_000;

/// What is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variable {
    /// The value of a parameter.
    Parameter(TemplateId, String),
    /// The value of a pseudo parameter, in one environment.
    Pseudo(String, usize),
    /// A condition, or a comparison in one, that cannot be decided; named by its text.
    Condition(TemplateId, String),
}

/// One choice that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What was chosen.
    pub variable: Rc<Variable>,
    /// Which option was taken.
    pub option: usize,
    /// The options in words: "parameter `Cpu` is `ARM64`".
    pub options: Rc<[String]>,
}

impl Choice {
    /// The option that was taken, in words.
    pub fn in_words(&self) -> &str {
        self.options.get(self.option).map_or("", String::as_str)
    }
}

/// The choices of the scenario that is being evaluated.
#[derive(Debug, Default)]
pub struct Choices {
    made: RefCell<Vec<Choice>>,
    /// For each evaluation that is being remembered: every choice that it has asked for, in order.
    traces: RefCell<Vec<Vec<Choice>>>,
    /// How many scenarios have been tried, beyond the first of each question.
    tried: Cell<usize>,
}

impl Choices {
    /// The option taken for a variable; asks for the options in words only when it is met for the first time.
    ///
    /// `None` if there is nothing to choose from.
    pub fn option<F>(&self, variable: &Variable, options: F) -> Option<usize>
    where
        F: FnOnce() -> Vec<String>,
    {
        let known = self.made.borrow().iter().find(|choice| *choice.variable == *variable).cloned();
        let choice = match known {
            Some(choice) => choice,
            None => {
                let options = options();
                if options.is_empty() {
                    return None;
                }
                let choice = Choice { variable: Rc::new(variable.clone()), option: 0, options: options.into() };
                self.made.borrow_mut().push(choice.clone());
                choice
            }
        };
        let option = choice.option;
        self.trace(choice);
        Some(option)
    }

    /// Takes a choice that an earlier evaluation asked for, as that evaluation would; returns the option.
    fn repeat(&self, asked: &Choice) -> usize {
        let known = self.made.borrow().iter().find(|choice| choice.variable == asked.variable).cloned();
        let choice = known.unwrap_or_else(|| {
            let choice = Choice { option: 0, ..asked.clone() };
            self.made.borrow_mut().push(choice.clone());
            choice
        });
        let option = choice.option;
        self.trace(choice);
        option
    }

    fn trace(&self, choice: Choice) {
        if let Some(trace) = self.traces.borrow_mut().last_mut()
            && !trace.iter().any(|other| other.variable == choice.variable)
        {
            trace.push(choice);
        }
    }

    /// Evaluates something and returns it with the choices that it depends on, in the order in which it asked for them.
    fn traced<T>(&self, evaluate: impl FnOnce() -> T) -> (T, Vec<Choice>) {
        self.traces.borrow_mut().push(Vec::new());
        let answer = evaluate();
        let trace = self.traces.borrow_mut().pop().unwrap_or_default();
        // Whatever surrounds this depends on the same choices.
        trace.iter().for_each(|choice| self.trace(choice.clone()));
        (answer, trace)
    }

    /// Evaluates a question in every scenario, and returns each answer with the choices that led to it.
    ///
    /// The flag is true when there were more than [`MAX_SCENARIOS`], or than are left of [`MAX_SCENARIOS_IN_ALL`], and the
    /// rest was cut off.
    pub fn explore<T>(&self, mut question: impl FnMut() -> T) -> (Vec<(T, Vec<Choice>)>, bool) {
        let outer = self.made.replace(Vec::new());
        let outer_traces = self.traces.replace(Vec::new());
        let mut answers = Vec::new();
        let cut = loop {
            let answer = question();
            let mut made = self.made.borrow_mut();
            answers.push((answer, made.clone()));
            while made.last().is_some_and(|choice| choice.option + 1 >= choice.options.len()) {
                made.pop();
            }
            match made.last_mut() {
                None => break false,
                Some(_) if answers.len() >= MAX_SCENARIOS || self.tried.get() >= MAX_SCENARIOS_IN_ALL => break true,
                Some(choice) => choice.option += 1,
            }
            self.tried.set(self.tried.get() + 1);
        };
        self.made.replace(outer);
        self.traces.replace(outer_traces);
        (answers, cut)
    }
}

/// Remembers what an evaluation came to, for every combination of the choices that it asks for.
///
/// Two scenarios that agree in these choices share the answer, whatever else they differ in.
#[derive(Debug)]
pub struct Memo<K, T> {
    known: RefCell<HashMap<K, Known<T>>>,
}

#[derive(Debug)]
enum Known<T> {
    Answer(Rc<T>),
    /// The choice that is asked for next, and what is known below each of its options.
    Asked(Choice, BTreeMap<usize, Known<T>>),
}

impl<K, T> Default for Memo<K, T> {
    fn default() -> Self {
        Memo { known: RefCell::default() }
    }
}

impl<K: Eq + Hash + Clone, T> Memo<K, T> {
    /// The answer for a key in the current scenario; evaluates it if no earlier scenario had the same choices.
    pub fn get(&self, choices: &Choices, key: &K, evaluate: impl FnOnce() -> T) -> Rc<T> {
        let (answer, trace) = choices.traced(|| match self.recall(choices, key) {
            Some(answer) => (answer, true),
            None => (Rc::new(evaluate()), false),
        });
        let (answer, was_known) = answer;
        if !was_known {
            self.remember(key, &trace, answer.clone());
        }
        answer
    }

    fn recall(&self, choices: &Choices, key: &K) -> Option<Rc<T>> {
        let known = self.known.borrow();
        let mut at = known.get(key)?;
        loop {
            match at {
                Known::Answer(answer) => return Some(answer.clone()),
                Known::Asked(choice, below) => at = below.get(&choices.repeat(choice))?,
            }
        }
    }

    fn remember(&self, key: &K, trace: &[Choice], answer: Rc<T>) {
        let mut new = Known::Answer(answer);
        for choice in trace.iter().rev() {
            new = Known::Asked(choice.clone(), BTreeMap::from([(choice.option, new)]));
        }
        let mut known = self.known.borrow_mut();
        match known.get_mut(key) {
            Some(old) => graft(old, new),
            None => {
                known.insert(key.clone(), new);
            }
        }
    }
}

/// Adds one path of choices to what is known already.
fn graft<T>(mut old: &mut Known<T>, mut new: Known<T>) {
    while let (Known::Asked(asked, below), Known::Asked(choice, path)) = (&mut *old, new) {
        if asked.variable != choice.variable {
            return;
        }
        let Some((option, next)) = path.into_iter().next() else { return };
        match below.entry(option) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(next);
                return;
            }
            std::collections::btree_map::Entry::Occupied(entry) => {
                old = entry.into_mut();
                new = next;
            }
        }
    }
}

/// The fewest choices that are enough for `happens`, out of the choices of one scenario in which it does.
///
/// A choice is left out if every explored scenario that makes the remaining ones has it too.
pub fn needed_choices<'c, T>(
    scenario: &'c [Choice],
    explored: &[(T, Vec<Choice>)],
    happens: impl Fn(&T) -> bool,
) -> Vec<&'c Choice> {
    let mut needed: Vec<&Choice> = scenario.iter().collect();
    for candidate in scenario.iter().rev() {
        let without: Vec<&Choice> = needed.iter().copied().filter(|choice| *choice != candidate).collect();
        let always = explored.iter().all(|(answer, made)| {
            let agrees = without.iter().all(|choice| {
                made.iter().all(|other| other.variable != choice.variable || other.option == choice.option)
            });
            !agrees || happens(answer)
        });
        if always {
            needed = without;
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(choices: &Choices, name: &str, count: usize) -> usize {
        let variable = Variable::Parameter(TemplateId(0), name.to_owned());
        choices.option(&variable, || (0..count).map(|n| format!("{name} is {n}")).collect()).unwrap()
    }

    #[test]
    fn every_combination_that_matters_is_tried_once() {
        let choices = Choices::default();
        let (answers, cut) = choices.explore(|| {
            let a = ask(&choices, "a", 2);
            if a == 0 { (a, 9) } else { (a, ask(&choices, "b", 3)) }
        });
        assert!(!cut);
        assert_eq!(answers.iter().map(|(answer, _)| *answer).collect::<Vec<_>>(), [(0, 9), (1, 0), (1, 1), (1, 2)]);
    }

    #[test]
    fn the_same_variable_is_chosen_once() {
        let choices = Choices::default();
        let (answers, _) = choices.explore(|| (ask(&choices, "a", 2), ask(&choices, "a", 2)));
        assert_eq!(answers.iter().map(|(answer, _)| *answer).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
    }

    #[test]
    fn the_number_of_scenarios_is_bounded() {
        let choices = Choices::default();
        let (answers, cut) = choices.explore(|| (0..20).map(|n| ask(&choices, &n.to_string(), 3)).sum::<usize>());
        assert!(cut);
        assert_eq!(answers.len(), MAX_SCENARIOS);
    }

    #[test]
    fn scenarios_that_agree_in_what_matters_share_an_answer() {
        let choices = Choices::default();
        let memo = Memo::default();
        let evaluated = Cell::new(0);
        let (answers, _) = choices.explore(|| {
            let c = ask(&choices, "c", 2);
            let answer = *memo.get(&choices, &(), || {
                evaluated.set(evaluated.get() + 1);
                let a = ask(&choices, "a", 2);
                if a == 0 { 9 } else { ask(&choices, "b", 2) }
            });
            (c, answer)
        });
        let seen: Vec<_> = answers.iter().map(|(answer, _)| *answer).collect();
        assert_eq!(seen, [(0, 9), (0, 0), (0, 1), (1, 9), (1, 0), (1, 1)]);
        assert_eq!(evaluated.get(), 3);
    }

    #[test]
    fn only_the_choices_that_matter_are_named() {
        let choices = Choices::default();
        let (answers, _) = choices.explore(|| {
            let a = ask(&choices, "a", 2);
            ask(&choices, "b", 2);
            a == 1
        });
        let (_, scenario) = answers.iter().find(|(fails, _)| *fails).unwrap();
        let needed = needed_choices(scenario, &answers, |fails| *fails);
        assert_eq!(needed.iter().map(|choice| choice.in_words()).collect::<Vec<_>>(), ["a is 1"]);
    }
}
