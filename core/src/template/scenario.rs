//! Scenarios: what the person who deploys may still choose, tried out one after the other.
//!
//! Evaluation asks for a choice where it meets one (a parameter with allowed values, a condition that cannot be decided).
//! The first run takes the first option everywhere; each further run takes the next option of the latest choice. So only
//! choices that matter for the question are tried, and choices that belong together stay together.

use std::cell::RefCell;

use super::value::TemplateId;

/// How many scenarios are tried for one question before the rest is cut off.
pub const MAX_SCENARIOS: usize = 256;

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
    pub variable: Variable,
    /// Which option was taken.
    pub option: usize,
    /// The options in words: "parameter `Cpu` is `ARM64`".
    pub options: Vec<String>,
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
}

impl Choices {
    /// The option taken for a variable; asks for the options in words only when it is met for the first time.
    ///
    /// `None` if there is nothing to choose from.
    pub fn option<F>(&self, variable: &Variable, options: F) -> Option<usize>
    where
        F: FnOnce() -> Vec<String>,
    {
        if let Some(choice) = self.made.borrow().iter().find(|choice| choice.variable == *variable) {
            return Some(choice.option);
        }
        let options = options();
        if options.is_empty() {
            return None;
        }
        self.made.borrow_mut().push(Choice { variable: variable.clone(), option: 0, options });
        Some(0)
    }

    /// Evaluates a question in every scenario, and returns each answer with the choices that led to it.
    ///
    /// The flag is true when there were more than [`MAX_SCENARIOS`] and the rest was cut off.
    pub fn explore<T>(&self, mut question: impl FnMut() -> T) -> (Vec<(T, Vec<Choice>)>, bool) {
        let outer = self.made.replace(Vec::new());
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
                Some(_) if answers.len() >= MAX_SCENARIOS => break true,
                Some(choice) => choice.option += 1,
            }
        };
        self.made.replace(outer);
        (answers, cut)
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
