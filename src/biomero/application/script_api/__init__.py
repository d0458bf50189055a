"""What the documented calls for data folders and jobs do, one file a verb.

Published scripts bring a zip to the cluster, unpack it, convert it, run a workflow on it and fetch what came
out, call by call and from several processes. Every function here takes the `ScriptSession` first; it returns
data and raises errors of `biomero.errors`.

==========================================  =========================================================
`SlurmClient`                               here
==========================================  =========================================================
``transfer_data``, ``put``                  `send.transfer_data`, `send.put_file`
``unpack_data``                             `unpack.unpack_data`
data part of ``get_image_versions_...``     `list_data.list_data`
``run_conversion_workflow_job``             `convert.convert_data`
``run_workflow``, ``run_workflow_job``      `run.run_workflow`
``check_job_status``                        `job_states.job_states`
``list_active/completed/all_jobs``          `list_jobs.list_jobs`
``SlurmJob.wait_for_completion``            `wait.wait_for_job`
``get_active_job_progress``                 `read_logs.job_progress`
``get_logfile_from_slurm``                  `read_logs.fetch_log`
``get_conversion_logfile_from_slurm``       `read_logs.fetch_conversion_log`
``extract_data_location_from_log``          `job_notes.data_location`
``zip_data_on_slurm_server``                `results.zip_results`
``copy_zip_locally``                        `results.copy_zip`
``cleanup_tmp_files``                       `clean_up.clean_up`
==========================================  =========================================================

On the cluster::

    <slurm_data_path>/<name>.zip             what was sent
    <slurm_data_path>/<name>/data/in|gt|out  what a workflow reads and writes
    <slurm_data_path>/<name>/jobs/           job scripts, and what jobs leave behind
    <slurm_data_path>/<name>/logs/           what jobs print
    <slurm_data_path>/.jobs/<job id>         which folder a job works in
"""
