"""The one set-up of the constraint solver: the same question gets the same answer on any machine."""

from __future__ import annotations

from ortools.sat.python import cp_model


class Model(cp_model.CpModel):
    """A model without its methods' names of before PEP 8: adding these takes longer than many an answer."""

    def _add_pre_pep8_methods(self) -> None:
        return


def solved(model: cp_model.CpModel, work_s: float) -> cp_model.CpSolver | None:
    """Solve a model by CP-SAT with one worker and a fixed seed; None where it has no answer, or none was found.

    Parameters
    ----------
    work_s
        Deterministic solver time: CP-SAT counts work, not the clock.
    """
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.catch_sigint_signal = False  # else it takes the handler away, and Ctrl-C kills without clean-up
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = work_s
    return solver if solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE) else None
