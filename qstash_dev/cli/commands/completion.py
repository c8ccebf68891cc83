"""`completion`: the lines that teach a shell our commands and options."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what a shell needs to complete commands and options.

    \b
    bash  eval "$(qstash-dev completion bash)"      in ~/.bashrc
    zsh   eval "$(qstash-dev completion zsh)"       in ~/.zshrc
    fish  qstash-dev completion fish | source       in ~/.config/fish/config.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    # Not `source()`: that asks the bash of this machine for its version, and fails without one.
    made = found(ctx.find_root().command, {}, "qstash-dev", "_QSTASH_DEV_COMPLETE")
    click.echo(made.source_template % made.source_vars())
