"""Groups of commands, which all say in the same words that one of them is not there."""

from shutil import which

import click

from qstash_dev.protocol.errors import nearest


class CommandGroup(click.Group):
    """Commands about one thing, such as `queues`; the program itself is one, too."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            path = ctx.command_path
            near = nearest(args[0], known)
            hint = f'Did you mean "{near}"?' if near else f"See {path} --help."
            if not near and ctx.parent is None and which(args[0]):
                hint = f"To start your app beside the server: {path} -- {' '.join(args)}"
            wanted = " ".join((*path.split(" ")[1:], args[0]))
            ctx.fail(f'There is no command "{wanted}". {hint}')
        return super().resolve_command(ctx, args)
