# shellcheck shell=bash
# Bash completion of the image-label-* scripts: `source scripts/completion.bash`, or copy it into
# /etc/bash_completion.d/ (make install does).

# What each script accepts. An option that ends in = needs a value; _image_label_value knows its kind.
declare -gA _image_label_words=(
	[image-label-server]='run start stop status reload --config= --port= --tls-port= --state= --user= --help --version'
	[image-label-client]='size obtain classify next label undo flag unflag gold skip renew release tasks list show history remove datasets
		stats changes import labels snapshots me users tokens passwd audit -u= -p= -b= -d= --user= --password= --base= --dataset= --netrc-file= --cacert= --insecure
		--json --help --version'
	[image-label-client obtain]='-i= --id= -o= --outimg='
	[image-label-client classify]='-a= --basedir= -f= --filepath= -l= --label='
	[image-label-client next]='-o= --outimg='
	[image-label-client label]='-i= --id= -f= --filepath= --token= --lead-time= --state= -l= --label= --by= --q= --flagged= --since='
	[image-label-client undo]='-i= --id= -f= --filepath='
	[image-label-client flag]='-i= --id= -f= --filepath='
	[image-label-client unflag]='-i= --id= -f= --filepath='
	[image-label-client gold]='add remove -i= --id= -f= --filepath= --limit= --state= -l= --label= --by= --q= --flagged= --since= --disputed='
	[image-label-client remove]='-i= --id= -f= --filepath='
	[image-label-client skip]='--token= --policy='
	[image-label-client renew]='--token='
	[image-label-client release]='--token='
	[image-label-client list]='--limit= --state= -l= --label= --by= --q= --flagged= --since= --disputed= --said-by='
	[image-label-client show]='-i= --id= -f= --filepath='
	[image-label-client history]='-i= --id= -f= --filepath='
	[image-label-client datasets]='add change remove --labels= -a= --basedir= --policy='
	[image-label-client changes]='--cursor= --follow'
	[image-label-client import]='--format='
	[image-label-client labels]='add rename change merge remove --colour= --description= --position='
	[image-label-client snapshots]='add get --split= --seed='
	[image-label-client users]='add change remove --role= --datasets= --expires='
	[image-label-client tokens]='add remove --scope= --datasets= --expires='
	[image-label-export]='-u= -p= -b= -d= --user= --password= --base= --dataset= --format= --as= --split= --seed= --state= --label= --by= --q=
		--flagged= --since= --snapshot= --netrc-file= --cacert= --insecure --help --version'
	[image-label-export-csv]='-i= --input= -o= --output= --config= -d= --dataset= --help --version'
	[image-label-follow]='-u= -p= -b= -d= --user= --password= --base= --dataset= --once --images= --download --patience= --verbose
		--netrc-file= --cacert= --insecure --help --version'
	[image-label-backup]='restore --config= --to= --from= --keep= --list --verify --backup= -d= --dataset= --add -b= --base= --jobs= --json --help --version'
	[image-label-check]='--config= --state= --repair --thorough --older-than= --json --help --version'
	[image-label-migrate]='--from= --to= -d= --dataset= --all -b= --base= --jobs= --allow-missing --restart --help --version'
	[image-label-load]='-u= -p= -b= -d= --user= --password= --base= --dataset= --label= --no-label --names= --skip= --jobs= --netrc-file=
		--cacert= --insecure --in-place --labels= --label-from-folder --moved --config= --help --version'
	[image-label-demo]='--data= --labels= --label-from-folder --dataset= --port= --tls-port= --help --version'
	[image-label-user]='add passwd remove list grant --config= --help --version'
	[image-label-user add]='--role= --datasets= --dataset= --password --expires='
	[image-label-user passwd]='--password'
	[image-label-user list]='--json'
	[image-label-user grant]='viewer annotator contributor admin none --dataset='
)

# The options in a word list, without their =.
_image_label_options() { # SCRIPT [COMMAND]
	local word
	for word in ${_image_label_words[$1]-} ${2:+${_image_label_words["$1 $2"]-}}; do
		printf '%s\n' "${word%=}"
	done
}

_image_label_command() { # SCRIPT: the command among the words before the cursor
	local word
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case " ${_image_label_words[$1]} " in
		*" $word "*) [[ $word == -* ]] || { printf '%s' "$word" && return; } ;;
		esac
	done
}

_image_label_config() { # SCRIPT: one value of the resolved configuration
	local i file=() here
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} != --config && (${COMP_WORDS[i]} != --from || $1 == image-label-backup) ]] || file=(--config "${COMP_WORDS[i + 1]}")
	done
	here=$(dirname -- "$(realpath -- "$(type -P -- "${COMP_WORDS[0]/#\~/$HOME}")")") || return
	for here in "${IMAGE_LABEL_LIBEXEC-}" "$here/../build/release/bin" "$here/../lib/image-label-server"; do
		[[ ! -x $here/admin ]] || { "$here/admin" config "${file[@]}" 2>/dev/null | jq -r ".$1" && return; }
	done
}

_image_label_files() { # DIRECTORY SUFFIX: names of the files in it, without the suffix
	local file
	[[ -n $1 ]] || return 0
	for file in "$1"/*"$2"; do
		[[ ! -e $file ]] || { file=${file##*/} && printf '%s\n' "${file%"$2"}"; }
	done
}

_image_label_file_or_folder() { # PATTERN
	compgen -f -X "!$1" -- "$cur"
	compgen -d -- "$cur"
}

_image_label_archives() {
	local ending
	for ending in tar tar.gz tgz tar.zst zip; do
		compgen -f -X "!*.$ending" -- "$cur"
	done
}

_image_label_starting() { # the lines of standard input that start with what was typed
	local line
	while IFS= read -r line; do
		[[ $line != "$cur"* ]] || printf '%s\n' "$line"
	done
}

# Candidates for an option's value, one a line; none where only the person knows it.
_image_label_value() { # OPTION SCRIPT COMMAND
	case $1 in
	--from | --to) if [[ $2 == image-label-backup ]]; then compgen -d -- "$cur"; else _image_label_file_or_folder '*.json'; fi ;;
	--config) _image_label_file_or_folder '*.json' ;;
	--netrc-file | --cacert | -o | --outimg | --output | --cursor) compgen -f -- "$cur" ;;
	-i | --input)
		if [[ $2 == image-label-export-csv ]]; then _image_label_file_or_folder '*.db'; fi
		;;
	--data | -a | --basedir | --images) compgen -d -- "$cur" ;;
	--role) compgen -W 'viewer annotator contributor admin none' -- "$cur" ;;
	--state) if [[ $2 =~ ^image-label-(client|export)$ ]]; then compgen -W 'unlabelled labelled skipped unreadable review' -- "$cur"; else compgen -d -- "$cur"; fi ;;
	--flagged | --disputed) compgen -W 'true false' -- "$cur" ;;
	--format)
		compgen -W "csv jsonl sagemaker labelstudio$([[ $2 == image-label-client ]] || echo ' json croissant classfolders huggingface webdataset')" -- "$cur"
		;;
	--as) compgen -W 'tar zip' -- "$cur" ;;
	--scope) compgen -W 'read write' -- "$cur" ;;
	-d | --dataset | --datasets) _image_label_files "$(_image_label_config sqlite_db_dir)" .db | _image_label_starting ;;
	--user)
		if [[ $2 == image-label-server ]]; then compgen -u -- "$cur"; fi
		;;
	esac
}

_image_label() {
	local script=${1##*/} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command
	command=$(_image_label_command "$script")
	local all=" ${_image_label_words[$script]} ${command:+${_image_label_words["$script $command"]-}} "
	compopt -o filenames 2>/dev/null || true
	if [[ $all == *[[:space:]]"$prev="[[:space:]]* ]]; then
		mapfile -t COMPREPLY < <(_image_label_value "$prev" "$script" "$command")
	elif [[ $script == image-label-user && $command =~ ^(passwd|remove|grant)$ && $cur != -* && $prev == "$command" ]]; then
		mapfile -t COMPREPLY < <(_image_label_files "$(_image_label_config json_user_dir)" .json | _image_label_starting)
	elif [[ $cur != -* && $script == image-label-client && $command == import ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	elif [[ $cur != -* && $script == image-label-load && " ${COMP_WORDS[*]} " != *' --in-place '* ]]; then
		mapfile -t COMPREPLY < <(compgen -d -- "$cur"; _image_label_archives)
	elif [[ $cur != -* && $script =~ ^image-label-(load|demo|export|export-csv|follow)$ ]]; then
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$(_image_label_options "$script" "$command")" -- "$cur")
	fi
}

complete -F _image_label image-label-{server,client,export,export-csv,follow,load,migrate,demo,user}
