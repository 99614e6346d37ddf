"""The command line `medtalk`: one file a command. Nothing else imports typer."""
