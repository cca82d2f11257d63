# fish completion for radius-login. Copy it to ~/.config/fish/completions.

complete -c radius-login -f
complete -c radius-login -a username= -d 'Who logs in'
complete -c radius-login -o username -x -d 'Who logs in'
complete -c radius-login -o path -x -d 'Where the method is enabled'
complete -c radius-login -o attribute -x -d 'What profiles check of the client'
complete -c radius-login -o address -x -d 'Address of Vault or OpenBao'
complete -c radius-login -o namespace -x -d 'Namespace of the mount'
complete -c radius-login -o ns -x -d 'Namespace of the mount'
complete -c radius-login -o wrap-ttl -x -d 'Wrap the answer'
complete -c radius-login -o no-store -d 'Do not store the token'
complete -c radius-login -o no-print -d 'Do not show the token'
complete -c radius-login -o token-only -d 'Print the token alone, and do not store it'
complete -c radius-login -o format -x -a 'table json yaml yml' -d 'Format of the output'
complete -c radius-login -o field -x -a 'token token_accessor token_duration token_renewable token_policies identity_policies policies wrapping_token' -d 'Print one field'
complete -c radius-login -o version -d 'Print the version'
complete -c radius-login -s h -d 'Print the usage'
